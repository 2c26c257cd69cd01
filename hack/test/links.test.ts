/** Every relative link and every file named in code font in a page leads somewhere. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((page) => page !== '' && existsSync(path.join(root, page)));

/** Links from the page's own folder, names such as `docs/limiter.md` from the root. */
function deadEnds(page: string, text: string): readonly string[] {
  // What stands in code font is no link, however much it looks like one.
  const links = [...text.replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\((?!https?:|#|mailto:)([^)\s#]+)[^)]*\)/g)].map(
    ([, target = '']) => target,
  );
  const named = [...text.matchAll(/`((?:crds|docs|hack|services|test-e2e)\/[\w./-]+\.(?:md|ts|ya?ml))`/g)].map(
    ([, target = '']) => target,
  );
  return [
    ...links.filter((target) => !existsSync(path.join(root, path.dirname(page), target))),
    ...named.filter((target) => !existsSync(path.join(root, target))),
  ];
}

it('sees a dead end', () => {
  expect(deadEnds('docs/a.md', '[a](../README.md) [b](nothing.md) `docs/nothing.md` [c](https://example.com)')).toEqual(
    ['nothing.md', 'docs/nothing.md'],
  );
});

it.each(pages)('%s has no dead end', (page) => {
  expect(deadEnds(page, readFileSync(path.join(root, page), 'utf8'))).toEqual([]);
});
