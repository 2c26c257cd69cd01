/** The load as a process of its own: takes one order per message and answers with its result. */
import { pace, saturate, type PacingOptions, type SaturationOptions } from './load-client.ts';
import { saturateUdp, type DatagramOptions } from './udp-load.ts';

export type Order =
  | { readonly kind: 'saturate'; readonly options: Omit<SaturationOptions, 'onMeasure'> }
  | { readonly kind: 'datagrams'; readonly options: Omit<DatagramOptions, 'onMeasure'> }
  | { readonly kind: 'pace'; readonly options: Omit<PacingOptions, 'onMeasure'> };

export type Report =
  | { readonly kind: 'phase'; readonly phase: 'begin' | 'end' }
  | { readonly kind: 'result'; readonly result: unknown; readonly cpuSeconds: number }
  | { readonly kind: 'error'; readonly message: string };

const send = (report: Report): void => void process.send?.(report);

function perform(order: Order, onMeasure: (phase: 'begin' | 'end') => void): Promise<unknown> {
  switch (order.kind) {
    case 'pace':
      return pace({ ...order.options, onMeasure });
    case 'saturate':
      return saturate({ ...order.options, onMeasure });
    case 'datagrams':
      return saturateUdp({ ...order.options, onMeasure });
  }
}

async function run(order: Order): Promise<void> {
  const before = process.cpuUsage();
  const onMeasure = (phase: 'begin' | 'end'): void => send({ kind: 'phase', phase });
  try {
    const result = await perform(order, onMeasure);
    const { user, system } = process.cpuUsage(before);
    send({ kind: 'result', result, cpuSeconds: (user + system) / 1e6 });
  } catch (err) {
    send({ kind: 'error', message: err instanceof Error ? (err.stack ?? err.message) : String(err) });
  }
}

// Sent by the benchmark that started this process.
process.on('message', (order: Order) => void run(order));
process.on('disconnect', () => process.exit(0));
