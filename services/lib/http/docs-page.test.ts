import { errorCatalogue } from '@weir/errors';
import { describe, expect, it } from 'vitest';
import { renderDocsPage } from './docs-page.ts';

const document = {
  info: { title: 'Price <API>', version: '1', description: '' },
  paths: {
    '/livez': { get: { tags: ['operations'], summary: 'Alive', responses: {} } },
    '/price': {
      get: {
        summary: '<script>alert(1)</script>',
        security: [{ apiKey: [] }],
        parameters: [
          {
            name: 'asset',
            in: 'query',
            required: true,
            schema: { type: 'string', pattern: '^[A-Z]+$', description: 'Such as BTC' },
          },
        ],
        responses: { 200: { description: 'A price', content: { 'application/json': { schema: { type: 'object' } } } } },
      },
    },
  },
};

describe('renderDocsPage', () => {
  const page = renderDocsPage(document);

  it('shows every route, those of the service before the operational ones', () => {
    expect(page.indexOf('GET /price')).toBeGreaterThan(0);
    expect(page.indexOf('GET /livez')).toBeGreaterThan(page.indexOf('GET /price'));
  });

  it('shows parameters, answers and whether a key is needed', () => {
    expect(page).toContain(
      '<td>asset</td><td>query</td><td>required</td><td>string, pattern ^[A-Z]+$</td><td>Such as BTC</td>',
    );
    expect(page).toContain('A price');
    expect(page).toContain('Needs an API key');
  });

  it('has an anchor for every error code, where the type of a problem leads', () => {
    for (const code of Object.keys(errorCatalogue)) expect(page).toContain(`<tr id="${code}">`);
  });

  it('escapes what comes from the document and loads nothing', () => {
    expect(page).not.toContain('<script');
    expect(page).toContain('Price &#60;API&#62;');
    expect(page).not.toMatch(/(src|href)="(?!#|\/openapi\.json)/);
  });

  it('renders a document without anything', () => {
    expect(renderDocsPage({})).toContain('<h2 id="errors">');
  });
});
