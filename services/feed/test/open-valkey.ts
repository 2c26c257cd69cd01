/** A client of a test's own for a real Valkey, ready to be used. */
import { systemClock } from '@weir/clock';
import { createTestTelemetry, silentLogger } from '@weir/testing';
import { createValkey, parseValkeyUrl, type Valkey } from '@weir/valkey';

export async function openValkey(url: string): Promise<Valkey> {
  const valkey = createValkey({
    target: parseValkeyUrl(url),
    clock: systemClock,
    logger: silentLogger,
    telemetry: createTestTelemetry(),
    clientName: 'test',
  });
  await valkey.ready();
  return valkey;
}
