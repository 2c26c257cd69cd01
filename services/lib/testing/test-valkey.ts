/** A real Valkey of a test's own, which a test can also halt as if its machine hung. */
import { startEmbeddedValkey, type EmbeddedValkey, type EmbeddedValkeyOptions } from '@weir/valkey/embedded';

export interface TestValkey extends EmbeddedValkey, AsyncDisposable {
  /** SIGSTOP: connections stay open and nothing is answered. */
  hang(): void;
  /** SIGCONT. */
  resume(): void;
}

/** One per test file, in `beforeAll` with `stop` in `afterAll`, or by `await using`. Takes about 0.2 s. */
export async function startTestValkey(options: EmbeddedValkeyOptions = {}): Promise<TestValkey> {
  const valkey = await startEmbeddedValkey(options);
  return {
    ...valkey,
    hang: () => void process.kill(valkey.pid, 'SIGSTOP'),
    resume: () => void process.kill(valkey.pid, 'SIGCONT'),
    [Symbol.asyncDispose]: () => valkey.stop(),
  };
}
