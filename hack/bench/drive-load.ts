/** Gives orders to a load generator, a process of its own, and watches the server meanwhile. */
import { fork, type ChildProcess } from 'node:child_process';
import { on } from 'node:events';
import path from 'node:path';
import type { Order, Report } from './load-generator.ts';
import { pin, type ServerProcess } from './server-process.ts';

/** What is loaded, with which keys. */
export interface Subject {
  readonly name: string;
  readonly server: ServerProcess;
  readonly keys: readonly string[];
}

export function startGenerator(core: number): ChildProcess {
  const generator = fork(path.join(import.meta.dirname, 'load-generator.ts'));
  if (generator.pid !== undefined) pin(generator.pid, core);
  return generator;
}

/** `onMeasure` runs when measuring begins and ends; the result is of the kind that was ordered. */
export async function drive<T>(
  generator: ChildProcess,
  { name }: Subject,
  order: Order,
  onMeasure: (phase: 'begin' | 'end') => void,
): Promise<T> {
  const messages = on(generator, 'message');
  generator.send(order);
  for await (const [message] of messages as AsyncIterable<[Report]>) {
    if (message.kind === 'error') throw new Error(`${name}: ${message.message}`);
    if (message.kind === 'phase') onMeasure(message.phase);
    // The generator answers what it was asked.
    else return message.result as T;
  }
  throw new Error('the load generator ended');
}
