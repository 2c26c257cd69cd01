/** What Weir reads of a resource's metadata. */

export interface ObjectMeta {
  readonly name: string;
  /** "default" for a file that names none. */
  readonly namespace: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
