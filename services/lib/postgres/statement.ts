/** A statement with a name for spans and with the type of its rows. */

declare const rowType: unique symbol;

export interface Statement<Row> {
  readonly name: string;
  readonly text: string;
  /** Exists for the compiler alone. */
  readonly [rowType]?: Row;
}

/** The rows are taken to be what the statement says: name its columns and cast them in SQL. */
export function defineStatement<Row>(name: string, text: string): Statement<Row> {
  return { name, text };
}
