/** The simulated venues as a process of their own: order by argument, addresses by message; then moves prices as asked. */
import { demoPair, startExchanges, venueIds } from '@weir/exchanges';
import type { ExchangesOrder, MovedPrice } from './exchanges-process.ts';

const MOVE = 1.003;

// What `startExchangesServer` passes.
const { venues, assets, ticksPerSecond } = JSON.parse(process.argv[2] ?? '') as ExchangesOrder;
const exchanges = await startExchanges({
  venues: venueIds.filter((id) => venues.includes(id)),
  pairs: [demoPair('USDT', 'USD'), ...assets.map((asset) => demoPair(asset, 'USD'))],
  ticksPerSecond: ticksPerSecond / venues.length,
});
process.send?.(exchanges.addresses);
// It is sent nothing else.
process.on('message', (asset: string) => {
  const before = exchanges.truth(asset) ?? '';
  const decimals = before.split('.')[1]?.length ?? 0;
  const after = (Number(before) * MOVE).toFixed(decimals);
  const moved: MovedPrice = { asset, before: Number(before), after: Number(after), atMs: Date.now() };
  exchanges.setTruth(asset, after);
  process.send?.(moved);
});
for (const signal of ['SIGTERM', 'disconnect'] as const) {
  process.once(signal, () => void exchanges.stop().then(() => process.exit(0)));
}
