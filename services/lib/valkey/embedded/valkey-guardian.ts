/** Main module of the guardian of an embedded Valkey: run by `startEmbeddedValkey`, never by hand. */
import { serveAsGuardian } from '@weir/guardian';

import { createValkeyServer } from './valkey-server.ts';

serveAsGuardian(createValkeyServer());
