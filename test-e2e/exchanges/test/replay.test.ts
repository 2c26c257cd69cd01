import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { startExchanges, type Exchanges } from '../index.ts';
import { connect } from './raw-client.ts';

const RECORDING = 'shared/recordings/coinbase/cryptofeed-coinbase.tickers-trades.subset.jsonl';

/** Recordings lie beside the repository, not in it: their licences differ. */
function findRecording(): string | undefined {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, RECORDING);
    if (existsSync(path)) return path;
  }
  return undefined;
}

const recording = findRecording();
let exchanges: Exchanges | undefined;
afterEach(() => exchanges?.stop());

const line = (t: string, product: string, price: string): string =>
  JSON.stringify({
    dir: 'in',
    t,
    raw: JSON.stringify({ type: 'ticker', product_id: product, price, time: '2021-04-17T16:43:30Z', trade_id: 7 }),
  });

describe('a replayed recording', () => {
  it('reaches only subscribers of the product, in order, and becomes the price that REST answers', async () => {
    exchanges = await startExchanges({
      venues: ['coinbase'],
      pairs: ['AAA', 'BBB'].map((asset) => ({ asset, quote: 'USD' })),
    });
    const client = await connect(exchanges.addresses['coinbase']?.ws ?? '');
    client.send({ type: 'subscribe', product_ids: ['AAA-USD'], channels: ['ticker'] });
    await client.next('subscriptions');
    const lines = [
      line('10.5', 'AAA-USD', '2.50'),
      JSON.stringify({ dir: 'out', t: '10.1', raw: '{"type":"subscribe"}' }),
      line('10.0', 'AAA-USD', '1.00'),
      line('10.2', 'BBB-USD', '9.00'),
      JSON.stringify({ dir: 'in', t: '10.3', raw: '{"type":"subscriptions","channels":[]}' }),
    ];
    await exchanges.venue('coinbase').replay(lines, { speed: Infinity });
    await client.next('2.50');
    const seen = await fetch(`${exchanges.addresses['coinbase']?.rest}/products/BBB-USD/ticker`);
    expect(await seen.json()).toMatchObject({ price: '9.00', time: '2021-04-17T16:43:30Z' });
    expect(exchanges.venue('coinbase').price('AAA')).toBe('2.50');
    client.socket.terminate();
  });

  it('keeps its pace, N times faster when asked', async () => {
    exchanges = await startExchanges({ venues: ['coinbase'], pairs: [{ asset: 'AAA', quote: 'USD' }] });
    const started = performance.now();
    await exchanges.venue('coinbase').replay([line('100', 'AAA-USD', '1'), line('102', 'AAA-USD', '2')], { speed: 10 });
    // 2 s at ten times the speed; a busy machine may take longer, never less.
    expect(performance.now() - started).toBeGreaterThanOrEqual(199);
  });

  it('ends with the venue', async () => {
    exchanges = await startExchanges({ venues: ['coinbase'], pairs: [{ asset: 'AAA', quote: 'USD' }] });
    const playing = exchanges.venue('coinbase').replay([line('0', 'AAA-USD', '1'), line('9999', 'AAA-USD', '2')]);
    await exchanges.stop();
    await playing;
    expect(exchanges.venue('coinbase').price('AAA')).toBe('1');
  });

  it('of real traffic arrives whole: 107 tickers and 97 matches', async ({ skip }) => {
    skip(
      recording === undefined,
      'recordings are missing: they are read from ../shared/recordings, beside the repository',
    );
    const lines = readFileSync(recording ?? '', 'utf8')
      .trim()
      .split('\n');
    const products = new Set<string>();
    for (const text of lines) {
      const { raw } = JSON.parse(text) as { raw: string | null };
      const id = raw === null ? undefined : (JSON.parse(raw) as { product_id?: string }).product_id;
      if (id !== undefined) products.add(id);
    }
    const pairs = [...products].map((id) => id.split('-')).map(([asset = '', quote = '']) => ({ asset, quote }));
    exchanges = await startExchanges({ venues: ['coinbase'], pairs });
    const client = await connect(exchanges.addresses['coinbase']?.ws ?? '');
    client.send({ type: 'subscribe', product_ids: [...products], channels: ['ticker'] });
    await client.next('subscriptions');
    const frames: string[] = [];
    client.socket.on('message', (data: Buffer) => frames.push(data.toString()));
    const venue = exchanges.venue('coinbase');
    await venue.replay(lines, { speed: Infinity });
    venue.push('{"end":true}');
    await client.next('"end"');
    const ofType = (type: string): number => frames.filter((frame) => frame.startsWith(`{"type":"${type}"`)).length;
    expect([ofType('ticker'), ofType('match'), ofType('last_match')]).toEqual([107, 97, 10]);
    client.socket.terminate();
  });
});
