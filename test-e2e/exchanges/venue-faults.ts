/** What can be wrong with a simulated venue and stay so until it is healed; what happens once is in exchange-control.ts. */

export type WrongBody = 'html' | 'cut' | 'empty';

export interface VenueFaults {
  /** Everything that is asked is answered, but no price moves. */
  isFrozen: boolean;
  /** How far from the true price it trades. */
  lieBps: number;
  /** How far its bid is above its ask. */
  crossedBps: number;
  /** The part of all symbols, 0 to 1, that it does not know: for a seed always the same ones. */
  unknownShare: number;
  /** Refuses every subscription as a whole and names no symbol, as it does with too many of them. */
  refusesFrames: boolean;
  /** Sends the first prices before the answer to the subscription. */
  isAckLast: boolean;
  /** Books without a bid, in the venue's own spelling of nothing. */
  hasEmptyBids: boolean;
  /** Frames whose time is none, in the venue's own spelling of it. */
  hasZeroTimes: boolean;
  /** The part of frames, 0 to 1, that is sent twice. */
  duplicateShare: number;
  /** So many frames at a time leave in another order; 0: none. */
  reorderWindow: number;
  /** How far its clock is ahead. */
  skewMs: number;
  /** A client for which more bytes than this wait is cut; not set: some seconds of everything. */
  slowReaderBytes: number | undefined;
  /** Says by REST, in its own words, that it is asked too often, and for how long to leave it alone. */
  restThrottleS: number | undefined;
  /** The part of REST requests, 0 to 1, that is answered with status 500. */
  restErrorShare: number;
  /** Takes REST requests and never answers. */
  restHangs: boolean;
  restWrongBody: WrongBody | undefined;
}

const NONE: Readonly<VenueFaults> = {
  isFrozen: false,
  lieBps: 0,
  crossedBps: 0,
  unknownShare: 0,
  refusesFrames: false,
  isAckLast: false,
  hasEmptyBids: false,
  hasZeroTimes: false,
  duplicateShare: 0,
  reorderWindow: 0,
  skewMs: 0,
  slowReaderBytes: undefined,
  restThrottleS: undefined,
  restErrorShare: 0,
  restHangs: false,
  restWrongBody: undefined,
};

/** From and to, both allowed. */
const RANGES: Readonly<Partial<Record<keyof VenueFaults, readonly [number, number]>>> = {
  lieBps: [-9_999, 100_000],
  crossedBps: [0, 5_000],
  unknownShare: [0, 1],
  duplicateShare: [0, 1],
  reorderWindow: [0, 1_000],
  skewMs: [-86_400_000, 86_400_000],
  slowReaderBytes: [0, 1 << 30],
  restThrottleS: [0, 86_400],
  restErrorShare: [0, 1],
};
const WHOLE = new Set(['lieBps', 'crossedBps', 'reorderWindow', 'skewMs', 'slowReaderBytes', 'restThrottleS']);
const WRONG_BODIES: readonly unknown[] = ['html', 'cut', 'empty'] satisfies readonly WrongBody[];

export function noFaults(): VenueFaults {
  return { ...NONE };
}

export function isFaultName(name: string): name is keyof VenueFaults {
  return Object.hasOwn(NONE, name);
}

/** What is wrong with a value that somebody sent for a fault; `undefined` when it can be switched on so. */
function refuseFault(name: keyof VenueFaults, value: unknown): string | undefined {
  const range = RANGES[name];
  const isOptional = NONE[name] === undefined;
  if (isOptional && (value === undefined || value === null)) return undefined;
  if (name === 'restWrongBody') {
    return WRONG_BODIES.includes(value) ? undefined : `${name} must be ${WRONG_BODIES.join(', ')} or null`;
  }
  if (range === undefined) return typeof value === 'boolean' ? undefined : `${name} must be true or false`;
  const [from, to] = range;
  const isNumber = typeof value === 'number' && value >= from && value <= to;
  if (isNumber && (!WHOLE.has(name) || Number.isInteger(value))) return undefined;
  return `${name} must be a ${WHOLE.has(name) ? 'whole ' : ''}number from ${from} to ${to}`;
}

/** Throws RangeError with the first fault that cannot be. */
export function changeFaults(faults: VenueFaults, change: Readonly<Partial<Record<keyof VenueFaults, unknown>>>): void {
  for (const [name, value] of Object.entries(change)) {
    const reason = isFaultName(name) ? refuseFault(name, value) : `there is no fault "${name}"`;
    if (reason !== undefined) throw new RangeError(reason);
  }
  Object.assign(faults, change);
}

export function healFaults(faults: VenueFaults): void {
  Object.assign(faults, NONE);
}
