/** What a long run is to `hack/soak.ts`: a name, numbers to set, and a report that says whether anything was found. */

export interface SoakOption {
  readonly description: string;
  readonly initial: number;
}

export interface SoakReport {
  readonly ok: boolean;
  readonly [field: string]: unknown;
}

export interface Soak {
  readonly name: string;
  readonly summary: string;
  /** All are whole numbers. */
  readonly options: Readonly<Record<string, SoakOption>>;
  /** Never rejects for what it has found: that is a report. */
  run(numbers: Readonly<Record<string, number>>): Promise<SoakReport>;
}
