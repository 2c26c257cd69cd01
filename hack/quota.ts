/** Shows the quota of an upstream as all processes share it, or gives it back whole. */
import { systemClock } from '@weir/clock';
import { keyspace, isParameter } from '@weir/keyspace';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { createValkey, parseValkeyUrl, type ValkeyClient } from '@weir/valkey';
import { parseArgs } from 'node:util';
import { venues } from '../services/lib/venues/index.ts';

const USAGE = `Usage: npm run --silent quota -- show|reset <provider> [--valkey-url <url>]

show   prints what is left, until when a block lasts, and what processes hold on lease
reset  makes the quota whole and ends a block; what processes hold on lease (0.25 s at most) may be spent besides

The provider is the exchange of a source, such as kraken. The address is redis://127.0.0.1:6379 unless given here or in
WEIR_VALKEY_URL; its user needs HGETALL, PTTL and DEL of ratelimit:*:global.
`;
const EXIT_USAGE = 2;
const READY_MS_MAX = 5_000;

interface Order {
  readonly action: 'show' | 'reset' | 'help';
  readonly provider: string;
  readonly url: string;
}

/** `undefined` for what cannot be understood. */
function readOrder(): Order | undefined {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { 'valkey-url': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  const [action, provider = '', ...rest] = positionals;
  const url = values['valkey-url'] ?? process.env['WEIR_VALKEY_URL'] ?? 'redis://127.0.0.1:6379';
  if (values.help === true) return { action: 'help', provider, url };
  if ((action !== 'show' && action !== 'reset') || !isParameter('provider', provider) || rest.length > 0)
    return undefined;
  return { action, provider, url };
}

const secondsUntil = (atMs: number, nowMs: number): string => `${((atMs - nowMs) / 1_000).toFixed(1)} s`;

/** A name that Weir does not know may be mistyped, or an upstream that is no exchange. */
function doubt(provider: string): readonly string[] {
  const known = Object.keys(venues);
  return known.includes(provider) ? [] : [`${provider} is none of the exchanges ${known.join(', ')}`];
}

async function show(client: ValkeyClient, provider: string, nowMs: number): Promise<readonly string[]> {
  const key = keyspace.providerQuota.key({ provider });
  const [fields, ttlMs] = await Promise.all([client.hgetall(key), client.call('PTTL', key)]);
  if (fields['points'] === undefined)
    return [`${provider}: nobody has called it lately; its quota is whole`, ...doubt(provider)];
  const number = (name: string): number => Number(fields[name] ?? 0);
  const leases = Object.entries(fields).filter(([name]) => name.startsWith('lease:'));
  const held = leases.map(([, lease]) => lease.split(':').map(Number)).filter(([, , endMs = 0]) => endMs > nowMs);
  const refill = fields['type'] === 'Fixed' ? 'whole again' : 'full if nobody calls';
  return [
    `${provider}: ${number('limit')} points in ${number('window') / 1_000} s, ${fields['type']}`,
    `  left at the last write  ${number('points')}`,
    number('expire') > nowMs ? `  ${refill} in  ${secondsUntil(number('expire'), nowMs)}` : '  full',
    number('blocked_until') > nowMs
      ? `  blocked for  ${secondsUntil(number('blocked_until'), nowMs)}`
      : '  not blocked',
    `  on lease  ${held.reduce((sum, [points = 0]) => sum + points, 0)} points in ${held.length} processes`,
    `  forgotten in  ${(Number(ttlMs) / 1_000).toFixed(1)} s`,
  ];
}

async function reset(client: ValkeyClient, provider: string): Promise<readonly string[]> {
  const gone = await client.call('DEL', keyspace.providerQuota.key({ provider }));
  if (gone === 1) return [`${provider}: the quota is whole`];
  return [`${provider}: there was nothing to reset`, ...doubt(provider)];
}

async function run({ action, provider, url }: Order): Promise<void> {
  const valkey = createValkey({
    target: parseValkeyUrl(url),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'weir-quota',
  });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = systemClock.setTimeout(
    () => reject(new Error('Valkey does not answer: is --valkey-url right?')),
    READY_MS_MAX,
  );
  try {
    await Promise.race([valkey.ready(), late]);
    const lines =
      action === 'show' ? await show(valkey.bulk, provider, valkey.serverTimeMs()) : await reset(valkey.bulk, provider);
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    timer.cancel();
    await valkey.close();
  }
}

try {
  const order = readOrder();
  if (order?.action === 'help') process.stdout.write(USAGE);
  else if (order !== undefined) await run(order);
  else {
    process.stderr.write(USAGE);
    process.exitCode = EXIT_USAGE;
  }
} catch (err) {
  process.stderr.write(`${err instanceof Error ? err.message : String(err)}\n`);
  process.exitCode = 1;
}
