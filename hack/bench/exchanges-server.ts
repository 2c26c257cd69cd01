/** The simulated venues as a process of their own: order by argument, addresses by message. */
import { demoPair, startExchanges, venueIds } from '@weir/exchanges';
import type { ExchangesOrder } from './exchanges-process.ts';

// What `startExchangesServer` passes.
const { venues, assets, ticksPerSecond } = JSON.parse(process.argv[2] ?? '') as ExchangesOrder;
const exchanges = await startExchanges({
  venues: venueIds.filter((id) => venues.includes(id)),
  pairs: [demoPair('USDT', 'USD'), ...assets.map((asset) => demoPair(asset, 'USD'))],
  ticksPerSecond: ticksPerSecond / venues.length,
});
process.send?.(exchanges.addresses);
for (const signal of ['SIGTERM', 'disconnect'] as const) {
  process.once(signal, () => void exchanges.stop().then(() => process.exit(0)));
}
