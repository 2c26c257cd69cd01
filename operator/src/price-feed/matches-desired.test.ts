import { expect, test } from 'vitest';
import { matchesDesired, projectDesired } from './matches-desired.ts';

const desired = {
  spec: { replicas: 2, containers: [{ name: 'feed', args: ['/app/feed.mjs'], env: [{ name: 'A', value: '1' }] }] },
};
const container = { name: 'feed', args: ['/app/feed.mjs'], env: [{ name: 'A', value: '1' }] };
const live = (changes: object) => ({ spec: { replicas: 2, containers: [container], ...changes } });

test.each([
  ['defaults of the server', live({ strategy: {}, containers: [{ ...container, terminationMessagePath: '/dev' }] })],
  ['a container that was injected', live({ containers: [{ name: 'sidecar' }, container] })],
  ['a variable that somebody added', live({ containers: [{ ...container, env: [...container.env, { name: 'B' }] }] })],
])('%s are no difference', (_what, object) => {
  expect(matchesDesired(desired, object)).toBe(true);
});

test.each([
  ['another value', live({ replicas: 3 })],
  ['a member that was removed', { spec: { replicas: 2 } }],
  ['a list with one more', live({ containers: [{ ...container, args: ['/app/feed.mjs', '--x'] }] })],
  ['a list with one less', live({ containers: [{ ...container, args: [] }] })],
  ['a named item that is gone', live({ containers: [{ ...container, env: [] }] })],
  ['a value of another type', live({ containers: 'none' })],
])('%s is a difference', (_what, object) => {
  expect(matchesDesired(desired, object)).toBe(false);
});

test('what the server writes in its own way is known again', () => {
  const wanted = { resources: { requests: { cpu: '1000m' } } };
  const first = { resources: { requests: { cpu: '1' } }, status: 1 };
  expect(matchesDesired(wanted, first)).toBe(false);
  expect(projectDesired(wanted, first)).toEqual(projectDesired(wanted, { ...first, status: 2 }));
  expect(projectDesired(wanted, first)).not.toEqual(projectDesired(wanted, { resources: { requests: { cpu: '2' } } }));
});
