/**
 * POST /v1/udp-sessions: what a client needs to ask over UDP.
 *
 * It is no price call, but it leaves something in Valkey for an hour: so it takes one call out of the key's bucket, which
 * keeps a caller from filling Valkey, and charges nothing else.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { hashKeyText } from '@weir/keys';
import { DATAGRAM_BYTES_MIN, TOLERANCE_MS } from '@weir/udp';
import { bearerText, type Authorize } from './authorize.ts';
import { limitHeader } from './limit-headers.ts';
import { passDecision, refuse, UNLIMITED, type PriceApi } from './price-api.ts';
import { Refusal } from './refusal.ts';
import { KEY_REFUSALS, sessionAnswers, UdpSessionAnswer } from './schemas.ts';
import type { UdpSessions } from './udp-sessions.ts';

const schema = {
  summary: 'A session for prices over UDP',
  description:
    'Id and secret for datagrams to the port that is named, valid for an hour. Takes one call out of the bucket of the key.',
  tags: ['prices'],
  security: [{ apiKey: [] }],
  ...sessionAnswers,
  refusals: [...KEY_REFUSALS, ...sessionAnswers.refusals],
  response: { 201: UdpSessionAnswer },
};

export interface UdpSessionRoute {
  readonly sessions: UdpSessions;
  /** Of the protocol udp. */
  readonly authorize: Authorize;
  readonly port: () => number;
}

export function addUdpSessionRoute(server: FastifyInstance, api: PriceApi, route: UdpSessionRoute): void {
  server.post('/v1/udp-sessions', { schema }, (request, reply) =>
    serve(api, route, reply, request.headers.authorization),
  );
}

async function serve(
  api: PriceApi,
  { sessions, authorize, port }: UdpSessionRoute,
  reply: FastifyReply,
  header: string | undefined,
): Promise<void> {
  const access = await authorize(header);
  const text = bearerText(header);
  if (access instanceof Refusal) return refuse(api, reply, access.problem);
  if (text === undefined) return refuse(api, reply, { code: 'KEY_MISSING' });
  const decision = access.decide === undefined ? UNLIMITED : await api.limiter.decide(access.decide);
  if (!passDecision(api, reply, access, decision)) return;
  const { id, secret, expiresAtMs } = await sessions.create({ keyId: access.keyId, sha256: hashKeyText(text) });
  api.metrics.answered.add();
  if (access.policyHeader !== '')
    reply.header('ratelimit-policy', access.policyHeader).header('ratelimit', limitHeader(decision));
  const expires_at = new Date(expiresAtMs).toISOString();
  const form = { request_bytes_min: DATAGRAM_BYTES_MIN, tolerance_ms: TOLERANCE_MS };
  await reply
    .code(201)
    .header('cache-control', 'no-store')
    .send({ session: id, secret, expires_at, port: port(), ...form });
}
