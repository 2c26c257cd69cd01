/**
 * Prices over UDP against prices over HTTP: the same process on the same core, the same key, the same price, rounds in turn.
 *
 * HTTP is measured twice: as clients use it, with one request at a time on a connection, and with requests pipelined, which
 * only a load generator does. UDP has as many datagrams in flight as HTTP has requests.
 */
import type { ChildProcess } from 'node:child_process';
import { loadavg } from 'node:os';
import path from 'node:path';
import { waitFor } from '@weir/testing';
import { bundleProgram, findPrograms } from '../bundle.ts';
import { drive, startGenerator, type Subject } from './drive-load.ts';
import type { LoadResult } from './load-client.ts';
import type { Order } from './load-generator.ts';
import { freePort, median, round } from './numbers.ts';
import { readPrice } from './price-client.ts';
import { pin, startServer, type ServerProcess } from './server-process.ts';
import { startStage, type Stage } from './stage.ts';
import type { UdpSession } from './udp-load.ts';

export interface UdpBenchOptions {
  readonly rounds: number;
  readonly roundMs: number;
  /** Folder for processor profiles of the price service; absent: none are taken. */
  readonly profileFolder?: string;
}

export const UDP_BENCH_DEFAULTS: UdpBenchOptions = { rounds: 5, roundMs: 2_000 };

export interface UdpBenchResult {
  readonly bench: 'udp';
  /** Answers a second over UDP, divided by those over HTTP with one request at a time on a connection. */
  readonly ratio_to_http: number;
  readonly ratio_to_pipelined_http: number;
  readonly udp_per_second: number;
  readonly http_per_second: number;
  readonly pipelined_http_per_second: number;
  /** Per second of the server's processor time: what holds when the load, or a stranger, kept it from its core. */
  readonly ratio_per_busy_second: number;
}

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const CLIENTS = 64;
const PIPELINED = { connections: 32, depth: 8 };
const SESSIONS = 16;
const FIRST_WARM_UP_MS = 3_000;
const WARM_UP_MS = 500;
const UDP_SECRET = 'of-a-benchmark-and-of-nothing-else-at-all';

const say = (text: string): void => console.error(text);

export async function benchUdp(options: UdpBenchOptions): Promise<UdpBenchResult> {
  pin(process.pid, LOAD_CORE);
  say(
    `load average before: ${loadavg()
      .map((each) => each.toFixed(2))
      .join(', ')}`,
  );
  const root = path.resolve(import.meta.dirname, '..', '..');
  const program = findPrograms(root).find(({ name }) => name === 'price');
  if (program === undefined) throw new Error('there is no process named price to bundle');
  const bundle = await bundleProgram(root, program, path.join(root, 'dist'));
  const stage = await startStage(LOAD_CORE, 0);
  const generator = startGenerator(LOAD_CORE);
  let server: ServerProcess | undefined;
  try {
    const udpPort = await freePort();
    server = await startPrice(stage, bundle, udpPort, options.profileFolder);
    const { port } = server;
    const body = await waitFor(() => readPrice(port, stage.hotKey), 20_000);
    say(`price answers ${body}`);
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => createSession(port, stage.hotKey)));
    return report(await runRounds(generator, { server, stage, sessions, udpPort, options }), options);
  } finally {
    generator.disconnect();
    await server?.stop();
    await stage.stop();
  }
}

async function startPrice(
  stage: Stage,
  file: string,
  udpPort: number,
  profileFolder: string | undefined,
): Promise<ServerProcess> {
  const port = await freePort();
  const environment = {
    WEIR_VALKEY_URL: stage.valkeyUrl,
    WEIR_POSTGRES_URL: stage.postgresUrl,
    WEIR_HTTP_HOST: '127.0.0.1',
    WEIR_HTTP_PORT: String(port),
    WEIR_UDP_PORT: String(udpPort),
    WEIR_UDP_SECRET: UDP_SECRET,
    WEIR_NODE_NAME: 'bench-price',
    OTEL_EXPORTER_OTLP_ENDPOINT: stage.collectorUrl,
  };
  const nodeArguments = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  return startServer({ name: 'price', file, port, core: SERVER_CORE, environment, nodeArguments }, '/readyz');
}

async function createSession(port: number, key: string): Promise<UdpSession> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/udp-sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  if (response.status !== 201) throw new Error(`no session: ${response.status} ${await response.text()}`);
  // As the route answers.
  return (await response.json()) as UdpSession;
}

interface Setting {
  readonly server: ServerProcess;
  readonly stage: Stage;
  readonly sessions: readonly UdpSession[];
  readonly udpPort: number;
  readonly options: UdpBenchOptions;
}

interface Measured {
  readonly perSecond: number;
  /** Answers per second of the server's processor time. */
  readonly perBusySecond: number;
  readonly busy: number;
}

const WAYS = ['udp', 'http', 'pipelined'] as const;
type Rounds = Readonly<Record<(typeof WAYS)[number], Measured[]>>;

async function runRounds(generator: ChildProcess, setting: Setting): Promise<Rounds> {
  const { server, stage, sessions, udpPort, options } = setting;
  const subject: Subject = { name: 'price', server, keys: [stage.hotKey] };
  const orderOf = (way: (typeof WAYS)[number], warmUpMs: number): Order => {
    const times = { warmUpMs, measureMs: options.roundMs };
    if (way === 'udp')
      return { kind: 'datagrams', options: { ...times, port: udpPort, sessions, sockets: CLIENTS, depth: 1 } };
    const shape = way === 'http' ? { connections: CLIENTS, depth: 1 } : PIPELINED;
    return { kind: 'saturate', options: { ...times, ...shape, port: server.port, keys: subject.keys } };
  };
  const once = async (way: (typeof WAYS)[number], warmUpMs: number): Promise<Measured> => {
    const cpu: number[] = [];
    const onMeasure = (): void => void cpu.push(server.cpuSeconds() ?? Number.NaN);
    const { answers, seconds } = await drive<LoadResult>(generator, subject, orderOf(way, warmUpMs), onMeasure);
    const [begin = Number.NaN, end = Number.NaN] = cpu;
    return { perSecond: answers / seconds, perBusySecond: answers / (end - begin), busy: (end - begin) / seconds };
  };
  const rounds: Rounds = { udp: [], http: [], pipelined: [] };
  for (const way of WAYS) await once(way, FIRST_WARM_UP_MS);
  for (let number = 1; number <= options.rounds; number += 1) {
    for (const way of WAYS) rounds[way].push(await once(way, WARM_UP_MS));
    const line = WAYS.map((way) => {
      const { perSecond = Number.NaN, busy = Number.NaN } = rounds[way].at(-1) ?? {};
      return `${way} ${perSecond.toFixed(0)}/s (${(busy * 100).toFixed(0)} % of its core)`;
    });
    say(`round ${number}: ${line.join(' · ')}`);
  }
  return rounds;
}

function report(rounds: Rounds, options: UdpBenchOptions): UdpBenchResult {
  const perSecond = (way: (typeof WAYS)[number]): number => median(rounds[way].map((each) => each.perSecond));
  const perBusy = (way: (typeof WAYS)[number]): number => median(rounds[way].map((each) => each.perBusySecond));
  say(
    `medians of ${options.rounds} rounds of ${options.roundMs} ms; udp: ${CLIENTS} sockets, http: ${CLIENTS} connections, one in flight each; ` +
      `pipelined: ${PIPELINED.connections} connections, ${PIPELINED.depth} in flight each; load average ${loadavg()[0]?.toFixed(2)}`,
  );
  return {
    bench: 'udp',
    ratio_to_http: round(perSecond('udp') / perSecond('http'), 3),
    ratio_to_pipelined_http: round(perSecond('udp') / perSecond('pipelined'), 3),
    udp_per_second: round(perSecond('udp'), 0),
    http_per_second: round(perSecond('http'), 0),
    pipelined_http_per_second: round(perSecond('pipelined'), 0),
    ratio_per_busy_second: round(perBusy('udp') / perBusy('http'), 3),
  };
}
