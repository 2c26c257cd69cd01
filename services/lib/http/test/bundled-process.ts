/** A process as a service would have it, to be bundled into one file by the test. */
import { systemClock } from '@weir/clock';
import { createHttpServer, listen } from '@weir/http';
import { createLifecycle } from '@weir/lifecycle';
import { createLogger, createTelemetry } from '@weir/telemetry';

const logger = createLogger({ service: 'bundled' });
const [otlpEndpoint] = process.argv.slice(2);
const identity = { service: 'bundled', version: '1', instance: 'bundled-0' };
const telemetry = createTelemetry({ ...identity, clock: systemClock, logger, otlpEndpoint, traceSampleRatio: 1 });
const lifecycle = createLifecycle({ clock: systemClock, logger });
lifecycle.onStop('telemetry', () => telemetry.close());
const server = createHttpServer({ service: 'bundled', clock: systemClock, logger, telemetry, lifecycle });
const querystring = { type: 'object', required: ['asset'], properties: { asset: { type: 'string' } } };
server.get('/price', { schema: { querystring } }, () => {
  telemetry.tracing.start('GET /price', { kind: 'server' })?.end();
  return { price: 1 };
});
lifecycle.handleSignals(process);
const { url } = await listen(server, { host: '127.0.0.1', port: 0 });
logger.info({ url }, 'listening');
