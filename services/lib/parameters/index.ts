/** Application parameters: the hash `app:config`, followed. What is absent or unreadable has its default. */
export interface Parameters {
  /** As stored; `undefined` when it is not set or Valkey has not been read yet. */
  get(name: string): string | undefined;
  close(): Promise<void>;
}
