/** The process as it is started: what it says of itself while nothing that it needs is there, and how it ends. */
import { waitFor } from '@weir/testing';
import { describe, expect, it } from 'vitest';
import { startHttpApi } from './kube/http-api.ts';
import { startOperatorProcess } from './start-operator-process.ts';

describe('the process', () => {
  it('is alive and not ready without an API server, says what is missing, and ends in good order', async () => {
    using operator = await startOperatorProcess('http://127.0.0.1:1');
    await waitFor(async () => (await operator.ask('/readyz')).body.includes('ECONNREFUSED'));
    expect((await operator.ask('/readyz')).body).toMatch(/Not read yet from the API server: .*PriceFeed/);
    expect((await operator.ask('/livez')).status).toBe(200);
    expect(JSON.parse((await operator.ask('/health')).body)).toMatchObject({ status: 'starting', isLeader: false });
    expect((await operator.ask('/metrics')).body).toContain('leader_election_master_status{name="weir-operator"} 0');
    operator.stop();
    expect(await operator.exited).toEqual([0, null]);
    expect(operator.lines.join('\n')).not.toContain('not-to-be-seen');
  });

  it('does not stand for leadership without the right to read', async () => {
    const forbidden = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods is forbidden' };
    await using api = await startHttpApi(() => ({ status: 403, body: forbidden }));
    using operator = await startOperatorProcess(api.url);
    await waitFor(async () => (await operator.ask('/readyz')).body.includes('pods is forbidden'));
    expect(api.received.filter(({ url }) => url.includes('/leases'))).toEqual([]);
    expect(api.received.every(({ method }) => method === 'GET')).toBe(true);
    operator.stop();
    expect(await operator.exited).toEqual([0, null]);
  });
});
