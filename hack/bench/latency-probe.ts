/**
 * Measures latency inside a server, loaded before its program (`node --import`) and idle until the benchmark asks: the
 * server's own code is neither changed nor wrapped, it is seen through Node's diagnostics channels.
 *
 * Of each request three instants are known. *Sent*: the load generator's write, which on a loopback puts the bytes into
 * the server's socket. *Parsed*: Node's HTTP parser hands the request to the server. *Finished*: Node has handed the last
 * byte of the answer to the system. From sent to parsed is what the request waited for the process to come to it, with
 * every stall of the event loop; from parsed to finished is what the program took.
 */
import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { percentile } from './numbers.ts';
import { machineUs, readStamp } from './send-stamp.ts';

export type ProbeOrder = 'start' | 'stop';

export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

export interface ProbeReport {
  readonly answers: number;
  /** From sent to finished: all that the server side adds, queueing before the process included. */
  readonly served: Spread;
  /** From sent to parsed. */
  readonly waited: Spread;
  /** From parsed to finished. */
  readonly handled: Spread;
  /** How late the event loop ran a timer of 1 ms. */
  readonly loopDelayP99Ms: number;
  readonly collections: { readonly count: number; readonly totalMs: number; readonly longestMs: number };
}

/** Of one window; what is beyond is not measured, and shows in `answers`. */
const SAMPLES_MAX = 1 << 20;
const RESOLUTION_MS = 1;

interface Seen {
  readonly request: IncomingMessage;
}

const samples = { count: 0, waited: new Float64Array(SAMPLES_MAX), handled: new Float64Array(SAMPLES_MAX) };
const parsedUs = new Map<IncomingMessage, number>();
let collections: number[] = [];
const loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
const collected = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collections.push(duration);
});

// These are the channels of node:http, with its messages.
const onParsed = (message: unknown): void => void parsedUs.set((message as Seen).request, machineUs());

const onFinished = (message: unknown): void => {
  const nowUs = machineUs();
  const { request } = message as Seen;
  const startUs = parsedUs.get(request);
  parsedUs.delete(request);
  const sentUs = readStamp(request.rawHeaders);
  if (startUs === undefined || sentUs === undefined || samples.count === SAMPLES_MAX) return;
  samples.waited[samples.count] = startUs - sentUs;
  samples.handled[samples.count] = nowUs - startUs;
  samples.count += 1;
};

const parsed = channel('http.server.request.start');
const finished = channel('http.server.response.finish');

function start(): void {
  samples.count = 0;
  collections = [];
  parsed.subscribe(onParsed);
  finished.subscribe(onFinished);
  collected.observe({ entryTypes: ['gc'] });
  loopDelay.reset();
  loopDelay.enable();
}

function stop(): ProbeReport {
  loopDelay.disable();
  collected.disconnect();
  parsed.unsubscribe(onParsed);
  finished.unsubscribe(onFinished);
  parsedUs.clear();
  const waited = samples.waited.subarray(0, samples.count);
  const handled = samples.handled.subarray(0, samples.count);
  return {
    answers: samples.count,
    served: spreadOf(waited.map((us, index) => us + (handled[index] ?? 0))),
    waited: spreadOf(waited),
    handled: spreadOf(handled),
    // Counted from timer to timer, so that a punctual loop shows the resolution.
    loopDelayP99Ms: Math.max(0, loopDelay.percentile(99) / 1e6 - RESOLUTION_MS),
    collections: {
      count: collections.length,
      totalMs: collections.reduce((total, each) => total + each, 0),
      longestMs: Math.max(0, ...collections),
    },
  };
}

function spreadOf(valuesUs: Float64Array): Spread {
  const sorted = valuesUs.toSorted();
  const at = (share: number): number => percentile(sorted, share) / 1_000;
  return { p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

// Sent by the benchmark that started this process.
process.on('message', (order: ProbeOrder) => {
  if (order === 'start') start();
  else process.send?.(stop());
});
// The channel keeps no server alive.
process.channel?.unref();
