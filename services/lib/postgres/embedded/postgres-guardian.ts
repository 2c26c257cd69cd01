/** Main module of the guardian of an embedded Postgres: run by `startEmbeddedPostgres`, never by hand. */
import { serveAsGuardian } from '@weir/guardian';

import { createPostgresServer } from './postgres-server.ts';

serveAsGuardian(createPostgresServer());
