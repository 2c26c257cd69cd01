import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadResources } from '../src/load-resources.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-resources-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);
const header = (kind: string, name: string): string =>
  `apiVersion: weir.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\n`;
const feed = `${header('PriceFeed', 'majors')}spec: { assets: [BTC], sources: [{ name: kraken, exchange: kraken }] }\n`;

describe('a folder of resources', () => {
  it('becomes documents; what is not YAML, or deeper, is passed over', async () => {
    write('a.yaml', feed);
    write('b.yml', `${header('ApiKeyPolicy', 'pro')}spec: { tier: pro }\n`);
    write('notes.txt', 'no YAML');
    const { feeds, policies } = await loadResources(folder);
    expect([feeds.map((document) => document.feed), policies.map((document) => document.policy)]).toEqual([
      ['default/majors'],
      ['default/pro'],
    ]);
  });

  it('gives the lowest quota of an exchange to every feed that names the exchange', async () => {
    const source = '{ name: kraken, exchange: kraken, quota: { points: 60, duration: 60s } }';
    write('a.yaml', feed);
    write('b.yaml', `${header('PriceFeed', 'other')}spec: { assets: [ETH], sources: [${source}] }\n`);
    const { feeds } = await loadResources(folder);
    expect(feeds.map(({ sources }) => sources[0]?.quota?.points)).toEqual([60, 60]);
  });

  it('is refused with the faults of all its files', async () => {
    write('a.yaml', `${header('PriceFeed', 'a')}spec: {}\n`);
    write('b.yaml', `${header('ApiKeyPolicy', 'b')}spec: { mode: Enforced }\n`);
    await expect(loadResources(folder)).rejects.toThrow(/a\.yaml:4 spec\.assets[^]*b\.yaml:4 spec\.mode is "Enforced"/);
  });

  it('is refused when its resources contradict one another', async () => {
    write('a.yaml', feed);
    write('b.yaml', feed);
    await expect(loadResources(folder)).rejects.toThrow(
      /b\.yaml:3 metadata\.name is the name of another PriceFeed already, default\/majors \(\S*a\.yaml:1\)/,
    );
  });

  it('is refused when it declares no feed, or cannot be read', async () => {
    await expect(loadResources(folder)).rejects.toThrow(/declares no PriceFeed.*majors\.yaml/);
    await expect(loadResources(path.join(folder, 'none'))).rejects.toThrow(/cannot be read.*--resources <folder>/);
    write('a.yaml', feed);
    await expect(loadResources(path.join(folder, 'a.yaml'))).rejects.toThrow(/a\.yaml is a file.*--resources/);
  });
});
