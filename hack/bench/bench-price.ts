/**
 * The price service as it ships, against a bare Fastify route with the same body and against Fastify with
 * @fastify/rate-limit on the same Valkey: alternating rounds in one run, one core each, medians.
 */
import type { ChildProcess } from 'node:child_process';
import { loadavg } from 'node:os';
import path from 'node:path';
import { waitFor } from '@weir/testing';
import { bundleProgram, findPrograms } from '../bundle.ts';
import { drive, startGenerator, type Subject } from './drive-load.ts';
import { halfLoadRows, measureHalfLoad, p99AtClient, p99AtServer } from './half-load.ts';
import type { LoadResult } from './load-client.ts';
import { freePort, median, round } from './numbers.ts';
import { countDecisions, readPrice, touchKeys } from './price-client.ts';
import { canPin, pin, startServer, type ServerProcess, type ServerProgram } from './server-process.ts';
import { startStage, type Stage } from './stage.ts';

export interface PriceBenchOptions {
  readonly rounds: number;
  readonly roundMs: number;
  readonly keys: number;
  readonly connections: number;
  readonly depth: number;
  /** At half load each server goes before all other processes of the machine. */
  readonly isRealTime?: boolean;
  /** Folder for processor profiles of the price service; absent: none are taken. */
  readonly profileFolder?: string;
}

export const PRICE_BENCH_DEFAULTS: PriceBenchOptions = {
  rounds: 7,
  roundMs: 2_000,
  keys: 10_000,
  connections: 32,
  depth: 8,
};

export interface PriceBenchResult {
  readonly bench: 'price';
  readonly ratio_to_bare: number;
  readonly ratio_to_bare_10k_keys: number;
  readonly ratio_to_fastify_rate_limit: number;
  /** Within the server, from the write of a request to the last byte of its answer; the hot key. */
  readonly p99_ms_at_half_load: number;
  /** As the client sees it, on a core that it shares with Valkey. */
  readonly client_p99_ms_at_half_load: number;
  readonly bare_p99_ms_at_half_load: number;
  readonly bare_client_p99_ms_at_half_load: number;
}

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const WARM_UP_MS = 500;
const FIRST_WARM_UP_MS = 3_000;
/** A server that answers from memory and uses less than this of its core was kept from it. */
const SATURATED = 0.95;
const PACED_ROUNDS = 5;
const PACED_MS = 2_000;

interface Round extends LoadResult {
  readonly perSecond: number;
  /** Share of its core that the server used; `undefined` where the system does not tell. */
  readonly busy: number | undefined;
}

const say = (text: string): void => console.error(text);

export async function benchPrice(options: PriceBenchOptions): Promise<PriceBenchResult> {
  pin(process.pid, LOAD_CORE);
  say(
    `load average before: ${loadavg()
      .map((each) => each.toFixed(2))
      .join(', ')}`,
  );
  if (!canPin) say('no taskset, or one core only: server and load share what there is, so ratios are less sharp');
  const root = path.resolve(import.meta.dirname, '..', '..');
  const program = findPrograms(root).find(({ name }) => name === 'price');
  if (program === undefined) throw new Error('there is no process named price to bundle');
  const bundle = await bundleProgram(root, program, path.join(root, 'dist'));
  say(`bundled ${path.relative(root, bundle)}; setting up ${options.keys} keys`);
  const stage = await startStage(LOAD_CORE, options.keys);
  const servers: ServerProcess[] = [];
  const generator = startGenerator(LOAD_CORE);
  try {
    const subjects = await startSubjects(stage, bundle, options, servers);
    await touchKeys(subjects.many.server.port, subjects.many.keys);
    const rounds = await runRounds(generator, subjects, options);
    return await report(generator, subjects, rounds, options);
  } finally {
    generator.disconnect();
    for (const server of servers) await server.stop();
    await stage.stop();
  }
}

interface Subjects {
  readonly bare: Subject;
  readonly hot: Subject;
  readonly many: Subject;
  readonly rateLimit: Subject;
}

async function startSubjects(
  stage: Stage,
  bundle: string,
  options: PriceBenchOptions,
  servers: ServerProcess[],
): Promise<Subjects> {
  const start = async (program: Omit<ServerProgram, 'core'>, readyPath: string): Promise<ServerProcess> => {
    const server = await startServer({ ...program, core: SERVER_CORE }, readyPath);
    servers.push(server);
    return server;
  };
  const { profileFolder } = options;
  const port = await freePort();
  const price = await start(
    {
      name: 'price',
      file: bundle,
      port,
      environment: {
        WEIR_VALKEY_URL: stage.valkeyUrl,
        WEIR_POSTGRES_URL: stage.postgresUrl,
        WEIR_HTTP_HOST: '127.0.0.1',
        WEIR_HTTP_PORT: String(port),
        WEIR_NODE_NAME: 'bench-price',
        OTEL_EXPORTER_OTLP_ENDPOINT: stage.collectorUrl,
      },
      ...(profileFolder !== undefined && { nodeArguments: ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] }),
    },
    '/readyz',
  );
  const body = await waitFor(() => readPrice(price.port, stage.hotKey), 20_000);
  say(`price answers ${body}`);
  const startPlain = async (name: string, rest: readonly string[]): Promise<ServerProcess> => {
    const plainPort = await freePort();
    const file = path.join(import.meta.dirname, `${name}-server.ts`);
    return start({ name, file, port: plainPort, arguments: [String(plainPort), body, ...rest] }, '/price');
  };
  const bare = await startPlain('bare', []);
  const rateLimit = await startPlain('rate-limit', [String(stage.valkeyPort)]);
  return {
    bare: { name: 'bare Fastify', server: bare, keys: [stage.hotKey] },
    hot: { name: 'price, one hot key', server: price, keys: [stage.hotKey] },
    many: { name: `price, ${options.keys} pro keys`, server: price, keys: stage.proKeys },
    rateLimit: { name: 'Fastify + rate-limit', server: rateLimit, keys: [stage.hotKey] },
  };
}

type Rounds = ReadonlyMap<Subject, readonly Round[]>;

async function runRounds(generator: ChildProcess, subjects: Subjects, options: PriceBenchOptions): Promise<Rounds> {
  const { connections, depth, roundMs } = options;
  const all = Object.values(subjects) as Subject[];
  const rounds = new Map<Subject, Round[]>(all.map((subject) => [subject, []]));
  const once = async (subject: Subject, warmUpMs: number): Promise<Round> => {
    const { server, keys } = subject;
    const load = { port: server.port, keys, connections, depth, warmUpMs, measureMs: roundMs };
    /** Seconds of processor time when measuring began and when it ended. */
    const cpu: (number | undefined)[] = [];
    const onMeasure = (): void => void cpu.push(server.cpuSeconds());
    const result = await drive<LoadResult>(generator, subject, { kind: 'saturate', options: load }, onMeasure);
    const [begin, end] = cpu;
    const busy = begin === undefined || end === undefined ? undefined : (end - begin) / result.seconds;
    return { ...result, perSecond: result.answers / result.seconds, busy };
  };
  for (const subject of all) await once(subject, FIRST_WARM_UP_MS);
  for (let number = 1; number <= options.rounds; number += 1) {
    for (const subject of all) rounds.get(subject)?.push(await once(subject, WARM_UP_MS));
    const line = all.map((subject) => `${subject.name} ${describe(rounds.get(subject)?.at(-1))}`);
    say(`round ${number}: ${line.join(' · ')}`);
  }
  return rounds;
}

function describe(last: Round | undefined): string {
  if (last === undefined) return 'nothing';
  const busy = last.busy === undefined ? '' : ` (${Math.round(last.busy * 100)} % of its core)`;
  return `${Math.round(last.perSecond)}/s${busy}`;
}

const peakOf = (rounds: Rounds, subject: Subject): number =>
  median((rounds.get(subject) ?? []).map(({ perSecond }) => perSecond));

/** Answers per second of processor time: what the ratios would be if nothing else ran on the server's core. */
const perBusySecond = (rounds: Rounds, subject: Subject): number =>
  median((rounds.get(subject) ?? []).map(({ perSecond, busy = 1 }) => perSecond / busy));

async function report(
  generator: ChildProcess,
  subjects: Subjects,
  rounds: Rounds,
  options: PriceBenchOptions,
): Promise<PriceBenchResult> {
  const { bare, hot, many, rateLimit } = subjects;
  const { isRealTime = false } = options;
  const all = [bare, hot, many, rateLimit];
  const peakPerSecond = (subject: Subject): number => peakOf(rounds, subject);
  const pacing = { rounds: PACED_ROUNDS, measureMs: PACED_MS, isRealTime, peakOf: peakPerSecond, say };
  const paced = await measureHalfLoad(generator, all, pacing);
  const rows = [['peak', 'answers/s', 'of its core', '÷ bare', '÷ bare, per busy second']];
  for (const subject of all) {
    const busy = median((rounds.get(subject) ?? []).map((each) => each.busy ?? Number.NaN));
    rows.push([
      subject.name,
      peakOf(rounds, subject).toFixed(0),
      `${(busy * 100).toFixed(0)} %`,
      (peakOf(rounds, subject) / peakOf(rounds, bare)).toFixed(2),
      (perBusySecond(rounds, subject) / perBusySecond(rounds, bare)).toFixed(2),
    ]);
  }
  const hotBusy = median((rounds.get(hot) ?? []).map(({ busy = 1 }) => busy));
  if (hotBusy < SATURATED) say('other processes took the core of the servers: these are no peaks, nor is half of them');
  for (const line of [...table(rows), ...table(halfLoadRows(paced))]) say(line);
  const decisions = await countDecisions(hot.server.port);
  const fallbackPercent = ((100 * decisions.fallback) / decisions.all).toFixed(2);
  say(`${fallbackPercent} % of the decisions were made without Valkey, which did not answer in time`);
  say(
    `medians of ${options.rounds} rounds of ${options.roundMs} ms, ${options.connections} connections, ${options.depth} requests in flight each; ` +
      `latencies at half of each row’s answers/s, open loop, medians (worst of all) of ${PACED_ROUNDS} rounds of ${PACED_MS} ms; ` +
      'server: from the write of a request to the last byte of its answer handed to the system, of which it waited until the parser had it; ' +
      `${isRealTime ? 'servers at real-time priority for that; ' : ''}client: until it has read the answer; load average ${loadavg()[0]?.toFixed(2)}`,
  );
  const pacedOf = (subject: Subject) => paced.get(subject) ?? [];
  return {
    bench: 'price',
    ratio_to_bare: round(peakOf(rounds, hot) / peakOf(rounds, bare), 3),
    ratio_to_bare_10k_keys: round(peakOf(rounds, many) / peakOf(rounds, bare), 3),
    ratio_to_fastify_rate_limit: round(peakOf(rounds, hot) / peakOf(rounds, rateLimit), 3),
    p99_ms_at_half_load: round(p99AtServer(pacedOf(hot)), 3),
    client_p99_ms_at_half_load: round(p99AtClient(pacedOf(hot)), 3),
    bare_p99_ms_at_half_load: round(p99AtServer(pacedOf(bare)), 3),
    bare_client_p99_ms_at_half_load: round(p99AtClient(pacedOf(bare)), 3),
  };
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}
