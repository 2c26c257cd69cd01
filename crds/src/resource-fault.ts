/** What is wrong with a resource file: where, what and how to put it right; and the error that carries all of it. */
import { WeirError } from '@weir/errors';

export interface ResourceFault {
  readonly file: string;
  /** From 1; absent when the text has no such place. */
  readonly line?: number;
  /** As in "spec.sources[1].exchange"; empty for the document itself. */
  readonly path: string;
  /** Reads on from the path: "is missing". */
  readonly problem: string;
  readonly fix: string;
}

export function formatResourceFault({ file, line, path, problem, fix }: ResourceFault): string {
  const where = line === undefined ? file : `${file}:${line}`;
  return `${where} ${path === '' ? '' : `${path} `}${problem}. Fix: ${fix}.`;
}

/** Its message lists every fault, one per line. */
export class ResourceError extends WeirError {
  readonly faults: readonly ResourceFault[];

  constructor(faults: readonly ResourceFault[]) {
    const lines = faults.map((fault) => `  ${formatResourceFault(fault)}`);
    super('RESOURCE_INVALID', { detail: `Invalid resources:\n${lines.join('\n')}` });
    this.faults = faults;
  }

  override get name(): string {
    return 'ResourceError';
  }
}
