import { venues } from '../../services/lib/venues/index.ts';
import { expect, test } from 'vitest';
import { fuzzPrices } from '../soak/fuzz-prices.ts';

/** Seconds; `npm run soak -- fuzz` takes more. */
const FRAMES = 30_000;

test('no mutated frame becomes a record that readers refuse, or a price that is none', async () => {
  const report = await fuzzPrices(FRAMES, 20_261_121);
  for (const id of Object.keys(venues)) expect([id, (report.quotesByVenue[id] ?? 0) > 0]).toEqual([id, true]);
  expect(report.quotes).toBeGreaterThan(FRAMES / 20);
  expect(report.records).toBeGreaterThan(FRAMES / 2);
}, 120_000);
