/**
 * Runs a server program for exactly as long as this process lives: the embedded Valkey and Postgres.
 *
 * Between the two stands a guardian, a small child process in its own process group. Ctrl-C at the terminal therefore
 * never reaches the server before Weir has drained, and when this process ends by any means, SIGKILL included, the
 * channel to the guardian closes and it stops the server. Does not: restart a server that dies, nor keep its output.
 */
export { isPortFree, startOnPort } from './free-port.ts';
export { serveAsGuardian, type GuardedServer } from './guardian.ts';
export { startGuarded, type Guarded, type StartGuardedOptions } from './start-guarded.ts';
