import { expect, it } from 'vitest';
import { startHealthServer } from '../health-server.ts';
import { startExchanges, venueIds } from '../index.ts';

it('says that the process lives, also while nobody listens for any venue', async () => {
  const exchanges = await startExchanges({ venues: venueIds, pairs: [], ticksPerSecond: 0 });
  const health = await startHealthServer('127.0.0.1', 0);
  try {
    for (const id of venueIds) exchanges.venue(id).cut({ isRefusing: true });
    const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${health.port}${path}`);
    expect((await ask('/livez')).status).toBe(200);
    expect((await ask('/control/kraken')).status).toBe(404);
  } finally {
    await health.stop();
    await exchanges.stop();
  }
});
