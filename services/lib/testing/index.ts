/**
 * What tests share: a fake clock, real servers on free ports, waiting for a condition. Imported by tests alone.
 *
 * Guarantees: every server it starts ends with the test process, even when that is killed. Does not: fake Valkey or
 * Postgres; a test that needs one uses the real thing.
 */
export { createFakeClock, type FakeClock } from './fake-clock.ts';
export { startProxy, type Proxy, type ProxyOptions, type ProxyTarget } from './proxy.ts';
export { silentLogger } from './silent-logger.ts';
export { createTestCertificate, type TestCertificate } from './test-certificate.ts';
export { startTestPostgres, type TestPostgres } from './test-postgres.ts';
export { createTestTelemetry } from './test-telemetry.ts';
export { startTestValkey, type TestValkey } from './test-valkey.ts';
export { waitFor } from './wait-for.ts';
