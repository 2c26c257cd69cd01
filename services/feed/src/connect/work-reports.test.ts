import { createFakeClock } from '@weir/testing';
import type { StatusEvent } from '@weir/venues';
import { expect, test } from 'vitest';
import { WorkReports } from './work-reports.ts';

function createBench() {
  const clock = createFakeClock();
  const over: StatusEvent[] = [];
  const reports = new WorkReports(clock, (status) => over.push(status));
  const at = (ms: number): string => new Date(clock.nowMs() + ms).toISOString();
  const halted = (work: string, endMs?: number): StatusEvent => ({
    kind: 'status',
    state: 'halted',
    message: 'Upgrade',
    maintenance: [{ title: 'Upgrade', isEmergency: false, ...(endMs !== undefined && { endsAt: at(endMs) }) }],
    work,
  });
  return { clock, over, reports, halted };
}

test('a standstill of which no end is told is over 15 minutes after its announced end', async () => {
  const { clock, over, reports, halted } = createBench();
  reports.take(halted('1', 60_000));
  await clock.advance(60_000 + 899_000);
  expect([over.length, reports.current.length]).toEqual([0, 1]);
  await clock.advance(1_000);
  expect(over).toMatchObject([{ state: 'online', work: '1', maintenance: [] }]);
  expect(reports.current).toEqual([]);
});

test('one without an announced end is believed for an hour more, one that has ended already not for long', async () => {
  const { clock, over, reports, halted } = createBench();
  reports.take(halted('open'));
  reports.take(halted('past', -3_600_000));
  await clock.advance(0);
  expect(over.map(({ work }) => work)).toEqual(['past']);
  await clock.advance(3_600_000 + 900_000);
  expect(over.map(({ work }) => work)).toEqual(['past', 'open']);
});

test('what is told to be over is over, and is not told again', async () => {
  const { clock, over, reports, halted } = createBench();
  reports.take(halted('1', 60_000));
  reports.take(halted('2', 60_000));
  reports.take({ kind: 'status', state: 'online', message: 'completed', maintenance: [], work: '1' });
  expect(reports.current.map(({ work }) => work)).toEqual(['2']);
  reports.stop();
  await clock.advance(86_400_000);
  expect([over.length, reports.current.length]).toEqual([0, 0]);
});

test('a status of the venue as a whole is none of its business, and endless announcements are not kept', () => {
  const { reports, halted } = createBench();
  reports.take({ kind: 'status', state: 'halted', message: 'cancel_only' });
  expect(reports.current).toEqual([]);
  for (let n = 0; n < 200; n++) reports.take(halted(`${n}`));
  expect(reports.current).toHaveLength(50);
  expect(reports.current.at(-1)?.work).toBe('199');
  reports.stop();
});
