import type { GovernorView } from '@weir/governor';
import { createFakeClock } from '@weir/testing';
import fastify from 'fastify';
import { expect, it } from 'vitest';
import { feedDocument } from '../test/samples.ts';
import { addGovernorRoute } from './governor-route.ts';

const own: GovernorView = {
  scope: 'lpo:coinbase',
  isThrottled: false,
  shedProbability: 0,
  successes: 0,
  total: 0,
  sendRate: undefined,
  inFlight: 0,
  basis: 'local',
};

/** What the route says of coinbase while Valkey answers so. */
async function upstream(view: Partial<GovernorView>, answer: () => Promise<unknown>): Promise<object | undefined> {
  const server = fastify();
  addGovernorRoute(server, {
    governor: { views: () => [{ ...own, ...view }] },
    maxConcurrent: () => 16,
    client: { call: answer },
    clock: createFakeClock(),
    serverTimeMs: () => 0,
    feeds: () => [{ document: feedDocument() }],
  });
  const body = await server.inject('/v1/governor').then((response) => response.json<{ upstreams: object[] }>());
  await server.close();
  return body.upstreams[0];
}
// As Valkey answers where no key exists.
const nothing = (): Promise<unknown> => Promise.resolve([null, null]);
const away = (): Promise<unknown> => Promise.reject(new Error('away'));

it('calls a venue that nobody uses one of the cluster while Valkey answers, whatever old view this process has', async () => {
  expect(await upstream({}, nothing)).toMatchObject({ scope: 'lpo:coinbase', total: 0, basis: 'cluster' });
});

it('goes by its own counts where Valkey does not answer, or has lost them', async () => {
  expect(await upstream({}, away)).toMatchObject({ basis: 'local' });
  expect(await upstream({ total: 3, successes: 1 }, nothing)).toMatchObject({ total: 3, basis: 'local' });
  expect(await upstream({ shedProbability: 0.4 }, nothing)).toMatchObject({ shed_probability: 0.4, basis: 'local' });
});
