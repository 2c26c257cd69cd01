/** A telemetry of a test's own: it records, can be scraped, exports nothing and samples no trace. */
import { systemClock, type Clock } from '@weir/clock';
import { createTelemetry, type Telemetry, type TelemetryOptions } from '@weir/telemetry';

import { silentLogger } from './silent-logger.ts';

export function createTestTelemetry(options: Partial<TelemetryOptions> & { readonly clock?: Clock } = {}): Telemetry {
  return createTelemetry({
    service: 'test',
    version: '0.0.0',
    instance: 'test',
    clock: systemClock,
    logger: silentLogger,
    traceSampleRatio: 0,
    ...options,
  });
}
