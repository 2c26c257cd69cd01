/** A parent for the test of the guardian: prints the address of the Postgres it started, then waits. */
import { startEmbeddedPostgres } from '@weir/postgres/embedded';

const postgres = await startEmbeddedPostgres();
process.stdin.resume();
process.stdout.write(`${postgres.url}\n`);
