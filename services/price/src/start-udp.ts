/** UDP, put together: sessions over HTTP, the socket, and the way from a datagram to its answer. */
import { sleep, type Clock } from '@weir/clock';
import type { Lifecycle } from '@weir/lifecycle';
import type { Logger, Telemetry } from '@weir/telemetry';
import { createReplayWindow, createSessionIds, openUdpSocket, type UdpSocket } from '@weir/udp';
import type { Valkey } from '@weir/valkey';
import type { FastifyInstance } from 'fastify';
import { createDatagramAnswerer } from './answer-datagrams.ts';
import { createAuthorizer, createHashAuthorizer, type AuthorizerOptions } from './authorize.ts';
import type { PriceApi } from './price-api.ts';
import { addUdpSessionRoute } from './udp-session-route.ts';
import type { UdpMetrics } from './udp-metrics.ts';
import { createUdpSessionStore } from './udp-session-store.ts';
import { createUdpSessions } from './udp-sessions.ts';

export interface UdpSettings {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Named in errors. */
  readonly portSetting?: string;
  /** One for all servers of an installation. */
  readonly secret: string;
  /** Told once it is open. */
  readonly onPort?: (port: number) => void;
}

export interface UdpParts {
  readonly settings: UdpSettings;
  /** Of the protocol udp. */
  readonly authorization: AuthorizerOptions;
  readonly metrics: UdpMetrics;
  readonly valkey: Valkey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly lifecycle: Lifecycle;
}

/** Datagrams that wait for Valkey when a stop begins are answered within this time, or not at all. */
const LAST_ANSWERS_MS = 500;
const LOOK_MS = 10;

/** Adds the route and opens the port. The part "udp" of the lifecycle stops reading before anything else is torn down. */
export async function startUdp(server: FastifyInstance, api: PriceApi, parts: UdpParts): Promise<UdpSocket> {
  const { settings, authorization, metrics, valkey, clock, logger, telemetry, lifecycle } = parts;
  const sessions = createUdpSessions({
    valkey,
    store: createUdpSessionStore(valkey.decide),
    clock,
    metrics,
    ids: createSessionIds(settings.secret),
  });
  const replays = createReplayWindow();
  telemetry.gauge(
    'weir.price.udp.sessions',
    { description: 'UDP sessions in memory', unit: '{session}' },
    () => sessions.size,
  );
  telemetry.gauge(
    'weir.price.udp.replays',
    { description: 'Datagrams remembered', unit: '{datagram}' },
    () => replays.size,
  );
  const answerer = createDatagramAnswerer({
    ...api,
    sessions,
    replays,
    authorize: createHashAuthorizer(authorization),
    udp: metrics,
    logger,
    send: (text, sender, requestBytes) => socket.answer(text, sender, requestBytes),
  });
  const socket = await openUdpSocket({
    ...settings,
    logger,
    telemetry,
    onDatagram: (bytes, sender) => answerer.take(bytes, sender),
  });
  settings.onPort?.(socket.port);
  logger.info({ udpPort: socket.port }, 'listening on UDP');
  addUdpSessionRoute(server, api, { sessions, authorize: createAuthorizer(authorization), port: () => socket.port });
  lifecycle.onStop('udp', async () => {
    socket.stopReading();
    const endMs = clock.monotonicMs() + Math.min(LAST_ANSWERS_MS, lifecycle.timeLeftMs());
    while (answerer.waiting > 0 && clock.monotonicMs() < endMs) await sleep(clock, LOOK_MS);
    await socket.close();
  });
  return socket;
}
