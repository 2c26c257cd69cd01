/** Whether this process may still write. */

/** Asked right before every write, also of those that go to Valkey or Postgres. */
export interface Fence {
  readonly isLeader: boolean;
  /** Throws KubeError `fenced` once leadership is lost, which a process that was frozen learns here. */
  check(): void;
}
