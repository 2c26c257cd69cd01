/** What the simulated exchanges cost at the scale of a big feed: whoever measures Weir with them must not measure them. */
import { readFileSync } from 'node:fs';
import { sleep, systemClock } from '@weir/clock';
import { spellSymbol, venueIds, type VenueId } from '@weir/exchanges';
import { WebSocket } from 'ws';
import { findVenue, type Venue } from '../../services/lib/venues/index.ts';
import { startExchangesServer, type ExchangesServer } from '../bench/exchanges-process.ts';
import type { Soak, SoakReport } from './soak.ts';

/** Of one core: above it the simulator would be what is measured. */
const CPU_SHARE_MAX = 0.5;
const SETTLE_MS = 5_000;
/** As Linux counts a process's time, whatever its kernel ticks at. */
const JIFFIES_PER_SECOND = 100;

interface Counts {
  frames: number;
  bytes: number;
  readonly lost: string[];
}

export const exchangesSoak: Soak = {
  name: 'exchanges',
  summary: 'the processor time of all simulated exchanges in one process, with one subscriber to everything (Linux)',
  options: {
    assets: { description: 'of each venue', initial: 10_000 },
    ticks: { description: 'a second, of all venues together', initial: 2_000 },
    seconds: { description: 'how long is measured', initial: 20 },
  },
  run: async ({ assets = 0, ticks = 0, seconds = 0 }) => {
    const names = Array.from({ length: assets }, (_, index) => `A${index}`);
    const server = await startExchangesServer({ venues: venueIds, assets: names, ticksPerSecond: ticks });
    const counts: Counts = { frames: 0, bytes: 0, lost: [] };
    const sockets = await Promise.all(venueIds.flatMap((id) => subscribe(id, { server, names, counts })));
    try {
      await sleep(systemClock, SETTLE_MS);
      return await measure(server, counts, seconds);
    } finally {
      for (const socket of sockets) socket.terminate();
      await server.stop();
    }
  },
};

async function measure({ pid }: ExchangesServer, counts: Counts, seconds: number): Promise<SoakReport> {
  const [startCpu, startMs, frames, bytes] = [cpuSeconds(pid), performance.now(), counts.frames, counts.bytes];
  await sleep(systemClock, seconds * 1_000);
  const elapsed = (performance.now() - startMs) / 1_000;
  const share = (cpuSeconds(pid) - startCpu) / elapsed;
  return {
    ok: share < CPU_SHARE_MAX && counts.lost.length === 0 && counts.frames > frames,
    cpu_share_of_one_core: Math.round(share * 1_000) / 1_000,
    frames_per_second: Math.round((counts.frames - frames) / elapsed),
    megabytes_per_second: Math.round((counts.bytes - bytes) / elapsed / 10_000) / 100,
    connections_lost: [...counts.lost],
    rss_mb: Math.round(rssKilobytes(pid) / 1_024),
  };
}

interface Subscribers {
  readonly server: ExchangesServer;
  readonly names: readonly string[];
  readonly counts: Counts;
}

/** As many connections as the venue wants for so many markets, as a feed would open them. */
function subscribe(id: VenueId, { server, names, counts }: Subscribers): Promise<WebSocket>[] {
  const venue = findVenue(id);
  const url = server.addresses[id]?.ws;
  if (venue === undefined || url === undefined) throw new Error(`venue ${id} is not simulated`);
  const symbols = names.map((asset) => spellSymbol(id, asset, venue.settlement));
  const perConnection = venue.limits.symbolsPerConnection ?? symbols.length;
  return chunks(symbols, perConnection).map(async (part) => {
    const socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    socket.on('message', (data: Buffer) => {
      counts.frames += 1;
      counts.bytes += data.length;
    });
    socket.on('close', (code) => {
      counts.lost.push(`${id} ${code}`);
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    keepAlive(socket, venue);
    for (const [index, some] of chunks(part, venue.limits.symbolsPerFrame).entries()) {
      for (const frame of venue.subscribeFrames(some, index, Date.now())) socket.send(frame);
    }
    return socket;
  });
}

/** Some venues close who is silent. */
function keepAlive(socket: WebSocket, venue: Venue): void {
  const { pingEveryMs, pingAfterMs } = venue.timing;
  const timer = setInterval(() => {
    const frame = venue.pingFrame?.(0, Date.now());
    if (frame !== undefined) socket.send(frame);
  }, pingEveryMs ?? pingAfterMs);
  socket.once('close', () => clearInterval(timer));
}

function chunks<T>(items: readonly T[], length: number): T[][] {
  const count = Math.ceil(items.length / length);
  return Array.from({ length: count }, (_, index) => items.slice(index * length, (index + 1) * length));
}

function cpuSeconds(pid: number): number {
  // After the name in brackets, which may hold blanks: user and system time are fields 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / JIFFIES_PER_SECOND;
}

function rssKilobytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}
