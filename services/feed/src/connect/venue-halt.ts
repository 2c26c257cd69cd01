/** What a venue's status means: whether prices stand still, and what work is announced. Pure. */
import type { StatusEvent } from '@weir/venues';
import type { Halt, MaintenanceWindow, Notice, Work } from './machine-state.ts';

/** A standstill without an end is believed for so long. */
export const OPEN_END_MS = 3_600_000;

/** Nothing is matched, in the venue or in every market that is wanted. */
export function isHalted(halt: Halt, wanted: ReadonlyMap<string, unknown>): boolean {
  if (halt.message !== undefined) return true;
  // Only wanted symbols are kept.
  return halt.symbols.size > 0 && halt.symbols.size === wanted.size;
}

/** Nothing is matched in this market. */
export function isMarketHalted(halt: Halt, symbol: string): boolean {
  return halt.message !== undefined || halt.symbols.has(symbol);
}

/** The wanted markets that stand still now and did not before. */
export function newlyHalted(before: Halt, after: Halt, wanted: ReadonlyMap<string, unknown>): readonly string[] {
  if (before === after) return [];
  return [...wanted.keys()].filter((symbol) => isMarketHalted(after, symbol) && !isMarketHalted(before, symbol));
}

/** The first work after `sinceMs` that ends connections and is not over; wall times. */
export function nextDisconnection({ windows }: Halt, sinceMs: number, wallMs: number): MaintenanceWindow | undefined {
  let next: MaintenanceWindow | undefined;
  for (const window of windows) {
    const { startMs = -Infinity, endMs = startMs + OPEN_END_MS, endsConnections } = window;
    if (endsConnections !== true || startMs <= sinceMs || endMs <= wallMs) continue;
    if (startMs < (next?.startMs ?? Infinity)) next = window;
  }
  return next;
}

/** Connections are refused or dropped on purpose now. */
export function isInMaintenance({ message, windows }: Halt, wallMs: number): boolean {
  const isNow = ({ startMs = Infinity, endMs = startMs + OPEN_END_MS }: MaintenanceWindow): boolean =>
    startMs <= wallMs && wallMs < endMs;
  return message !== undefined || windows.some(isNow);
}

export function applyStatus(
  halt: Halt,
  status: StatusEvent,
  wanted: ReadonlyMap<string, unknown>,
): { readonly halt: Halt; readonly notices: readonly Notice[] } {
  const notices: Notice[] = [];
  const symbols = haltedAfter(halt, status, wanted);
  for (const symbol of symbols) if (!halt.symbols.has(symbol)) notices.push({ kind: 'market-halted', symbol });
  for (const symbol of halt.symbols) if (!symbols.has(symbol)) notices.push({ kind: 'market-resumed', symbol });
  const works = worksAfter(halt, status);
  const windows = [...works.values()].flatMap((work) => work.windows);
  for (const window of windows) {
    const isKnown = halt.windows.some(({ title, startMs }) => title === window.title && startMs === window.startMs);
    if (!isKnown) notices.push({ kind: 'maintenance-announced', ...window });
  }
  const message = [...works.values()].find((work) => work.message !== undefined)?.message;
  return { halt: { message, symbols, windows, works }, notices };
}

/** Markets that the status does not speak of stand or go on as before. */
function haltedAfter(
  { symbols }: Halt,
  { haltedSymbols, toldSymbols }: StatusEvent,
  wanted: ReadonlyMap<string, unknown>,
): ReadonlySet<string> {
  if (haltedSymbols === undefined) return symbols;
  const halted = new Set(haltedSymbols.filter((name) => wanted.has(name)));
  if (toldSymbols === undefined || symbols.size === 0) return halted;
  const told = new Set(toldSymbols);
  for (const symbol of symbols) if (!told.has(symbol)) halted.add(symbol);
  return halted;
}

const OF_VENUE = '';
/** More at once are announced by nobody. */
const WORKS_MAX = 50;

/** A status speaks of one piece of work, or of the venue; others stay as they are. */
function worksAfter({ works = new Map() }: Halt, status: StatusEvent): ReadonlyMap<string, Work> {
  const name = status.work ?? OF_VENUE;
  const known: Work | undefined = works.get(name);
  const message = status.state === 'halted' ? status.message : undefined;
  const windows = status.maintenance === undefined ? (known?.windows ?? []) : windowsOf(status);
  const after = new Map(works);
  // The newest is the last, and the oldest goes first.
  after.delete(name);
  if (message !== undefined || windows.length > 0) after.set(name, { message, windows });
  for (const oldest of after.keys()) if (after.size > WORKS_MAX) after.delete(oldest);
  return after;
}

function windowsOf({ maintenance = [] }: StatusEvent): readonly MaintenanceWindow[] {
  return maintenance.map(({ title, startsAt, endsAt, endsConnections }) => ({
    title,
    ...(endsConnections === true && { endsConnections }),
    ...(startsAt !== undefined && { startMs: Date.parse(startsAt) }),
    ...(endsAt !== undefined && { endMs: Date.parse(endsAt) }),
  }));
}
