/** All that is to lie in one family of documents. */

export interface WantedDocuments {
  /** JSON by `<namespace>/<name>`; what is in neither member is removed. */
  readonly texts: ReadonlyMap<string, string>;
  /** Documents whose resource is invalid now: what was published last stays in force, and nothing is put in its place. */
  readonly kept: ReadonlySet<string>;
}
