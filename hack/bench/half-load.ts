/**
 * Latency at half of the peak that the same run has shown, open loop, as the server and as the client see it: alternating
 * rounds, medians of their percentiles.
 */
import type { ChildProcess } from 'node:child_process';
import { drive, type Subject } from './drive-load.ts';
import type { ProbeReport } from './latency-probe.ts';
import type { LatencyResult } from './load-client.ts';
import { median } from './numbers.ts';

export interface HalfLoadOptions {
  readonly rounds: number;
  readonly measureMs: number;
  /** The server goes before all other processes, so that what it is held up by is its own. */
  readonly isRealTime: boolean;
  readonly peakOf: (subject: Subject) => number;
  readonly say: (text: string) => void;
}

export interface PacedRound {
  readonly client: LatencyResult;
  readonly server: ProbeReport;
  /** What was asked for. */
  readonly perSecond: number;
}

export type PacedRounds = ReadonlyMap<Subject, readonly PacedRound[]>;

const CONNECTIONS = 64;
const WARM_UP_MS = 500;
/** Less than this share of the load that was asked for is another load. */
const DELIVERED_MIN = 0.97;

export async function measureHalfLoad(
  generator: ChildProcess,
  subjects: readonly Subject[],
  options: HalfLoadOptions,
): Promise<PacedRounds> {
  const { rounds, peakOf, say } = options;
  const paced = new Map<Subject, PacedRound[]>(subjects.map((subject) => [subject, []]));
  for (let number = 1; number <= rounds; number += 1) {
    for (const subject of subjects) {
      const round = await paceOnce(generator, subject, peakOf(subject) / 2, options);
      paced.get(subject)?.push(round);
    }
    const line = subjects.map((subject) => `${subject.name} ${describe(paced.get(subject)?.at(-1))}`);
    say(`half load ${number}: ${line.join(' · ')}`);
  }
  return paced;
}

async function paceOnce(
  generator: ChildProcess,
  subject: Subject,
  perSecond: number,
  { measureMs, isRealTime }: HalfLoadOptions,
): Promise<PacedRound> {
  const { server, keys } = subject;
  const options = { port: server.port, keys, connections: CONNECTIONS, perSecond, warmUpMs: WARM_UP_MS, measureMs };
  let report: Promise<ProbeReport> | undefined;
  if (isRealTime) server.goFirst(true);
  const client = await drive<LatencyResult>(generator, subject, { kind: 'pace', options }, (phase) => {
    if (phase === 'begin') server.startProbe();
    else report = server.stopProbe();
  });
  if (isRealTime) server.goFirst(false);
  if (report === undefined) throw new Error(`${subject.name}: measuring has not ended`);
  return { client, server: await report, perSecond };
}

function describe(round: PacedRound | undefined): string {
  if (round === undefined) return 'nothing';
  const { client, server, perSecond } = round;
  const delivered = client.answers / client.seconds / perSecond;
  const short = delivered < DELIVERED_MIN ? `, only ${Math.round(delivered * 100)} % of the load` : '';
  return `p99 ${server.served.p99Ms.toFixed(2)} ms (client ${client.p99Ms.toFixed(2)} ms${short})`;
}

export const p99AtServer = (rounds: readonly PacedRound[]): number =>
  median(rounds.map(({ server }) => server.served.p99Ms));

export const p99AtClient = (rounds: readonly PacedRound[]): number => median(rounds.map(({ client }) => client.p99Ms));

/** With its head; a row for each subject. */
export function halfLoadRows(paced: PacedRounds): string[][] {
  const head = ['at half load, ms', 'sent/s', 'server p50', 'p99', 'worst', 'waited p99', 'handled p99'];
  const rows = [[...head, 'loop late p99', 'gc longest', 'gc ms/s', 'client p50', 'p99', 'worst', 'its gaps p99']];
  for (const [{ name }, rounds] of paced) {
    const middle = (read: (round: PacedRound) => number, digits = 2): string =>
      median(rounds.map(read)).toFixed(digits);
    const worst = (read: (round: PacedRound) => number): string => Math.max(...rounds.map(read)).toFixed(1);
    rows.push([
      name,
      middle(({ client }) => client.answers / client.seconds, 0),
      middle(({ server }) => server.served.p50Ms),
      middle(({ server }) => server.served.p99Ms),
      worst(({ server }) => server.served.worstMs),
      middle(({ server }) => server.waited.p99Ms),
      middle(({ server }) => server.handled.p99Ms),
      middle(({ server }) => server.loopDelayP99Ms),
      worst(({ server }) => server.collections.longestMs),
      middle(({ server, client }) => server.collections.totalMs / client.seconds, 1),
      middle(({ client }) => client.p50Ms),
      middle(({ client }) => client.p99Ms),
      worst(({ client }) => client.worstMs),
      middle(({ client }) => client.gapP99Ms),
    ]);
  }
  return rows;
}
