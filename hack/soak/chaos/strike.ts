/** Lets one incident of the plan happen, says whether it had an effect, and ends it. */
import { systemClock } from '@weir/clock';
import type { ExchangeControl } from '@weir/exchanges';
import type { Incident, VenueFault } from './plan.ts';
import type { ChaosTarget, ChaosVenue } from './target.ts';

type Strikes = ExchangeControl['strikes'];
type VenueIncident = Extract<Incident, { readonly venue: string }>;
type Step = () => Promise<void>;

export interface Blow {
  readonly end: Step;
  /** To be asked when it has ended. */
  hadEffect(): Promise<boolean>;
}

const LIE_BPS_MIN = 150;
const LIE_BPS_SPREAD = 350;
const CROSSED_BPS = 40;
const SKEW_MS = 2_000;
const DRAIN_MS = 1_000;
const BURST = 2_000;

/** What the venue counts when the fault changes something. */
const STRUCK: Readonly<Record<VenueFault, readonly (keyof Strikes)[]>> = {
  cut: ['cut'],
  'refuse-connections': ['cut'],
  silence: ['silence'],
  freeze: ['isFrozen'],
  lie: ['lieBps'],
  cross: ['crossedBps'],
  halt: ['maintenance'],
  drain: ['announce'],
  skew: ['skewMs'],
  disorder: ['duplicateShare', 'reorderWindow'],
  'empty-bids': ['hasEmptyBids'],
  'zero-times': ['hasZeroTimes'],
  'ack-last': ['isAckLast'],
  'rest-down': ['refusesFrames', 'restErrorShare'],
  'bad-symbol': ['refused'],
  burst: ['burst'],
};

/** Resolves when it has struck. */
export async function strike(target: ChaosTarget, incident: Incident): Promise<Blow> {
  if ('venue' in incident) return strikeVenue(target, incident);
  const { venues } = target;
  const onAll = async (act: (venue: ChaosVenue) => void | Promise<void>): Promise<void> => {
    for (const id of venues) await act(target.venue(id));
  };
  switch (incident.fault) {
    case 'all-cut': {
      const effects = await Promise.all(venues.map((id) => watchStrikes(target.venue(id), ['cut'])));
      await onAll((venue) => venue.cut({ isRefusing: true }));
      return { end: () => onAll((venue) => venue.restore()), hadEffect: () => most(effects) };
    }
    case 'all-silent': {
      const effects = await Promise.all(venues.map((id) => watchStrikes(target.venue(id), ['silence'])));
      await onAll((venue) => venue.silence(true));
      return { end: () => onAll((venue) => venue.silence(false)), hadEffect: () => most(effects) };
    }
    case 'valkey-restart':
      return emptied(target, () => target.restartValkey());
    case 'flushall':
      return emptied(target, () => target.flushValkey());
    case 'feed-kill':
      await target.killFeed('active');
      return { end: NOTHING, hadEffect: ALWAYS };
    case 'standby-kill':
      await target.killFeed('standby');
      return { end: NOTHING, hadEffect: ALWAYS };
  }
}

const NOTHING: Step = () => Promise.resolve();
/** It would have failed. */
const ALWAYS = (): Promise<boolean> => Promise.resolve(true);

/** Not all: a venue that a fault before has left between two attempts has no connection to lose. */
async function most(effects: readonly (() => Promise<boolean>)[]): Promise<boolean> {
  const struck = (await Promise.all(effects.map((effect) => effect()))).filter(Boolean);
  return struck.length > effects.length / 2;
}

/** There was something to lose, and it is there again. */
async function emptied(target: ChaosTarget, strikes: Step): Promise<Blow> {
  const before = await target.countStored();
  await strikes();
  return { end: NOTHING, hadEffect: () => Promise.resolve(before > 0) };
}

async function watchStrikes(venue: ChaosVenue, names: readonly (keyof Strikes)[]): Promise<() => Promise<boolean>> {
  const before = { ...(await venue.readStrikes()) };
  return async () => {
    const after = await venue.readStrikes();
    return names.every((name) => (after[name] ?? 0) > (before[name] ?? 0));
  };
}

async function strikeVenue(target: ChaosTarget, incident: VenueIncident): Promise<Blow> {
  const venue = target.venue(incident.venue);
  const hadEffect = await watchStrikes(venue, STRUCK[incident.fault]);
  const { begin, end } = stepsOf(target, venue, incident);
  for (const step of begin) await step();
  return {
    hadEffect,
    end: async () => {
      for (const step of end) await step();
    },
  };
}

type Act = () => void | Promise<void>;

function stepsOf(
  { assets, symbolOf }: ChaosTarget,
  venue: ChaosVenue,
  { fault, strength, venue: id }: VenueIncident,
): { readonly begin: readonly Act[]; readonly end: readonly Act[] } {
  const turnOn =
    (change: Parameters<ChaosVenue['fault']>[0]): Act =>
    () =>
      venue.fault(change);
  const heal: Act = () => venue.heal();
  const restore: Act = () => venue.restore();
  const cut: Act = () => venue.cut();
  const online: Act = () => venue.maintenance({ system: 'online' });
  const symbol = symbolOf(id, assets[Math.floor(((strength + 1) / 2) * assets.length)] ?? assets[0] ?? '');
  const steps: Readonly<Record<VenueFault, readonly [begin: readonly Act[], end: readonly Act[]]>> = {
    cut: [[cut], [restore]],
    'refuse-connections': [[() => venue.cut({ isRefusing: true })], [restore]],
    silence: [[() => venue.silence(true)], [() => venue.silence(false)]],
    freeze: [[turnOn({ isFrozen: true })], [heal]],
    lie: [[turnOn({ lieBps: lieBps(strength) })], [heal]],
    cross: [[turnOn({ crossedBps: CROSSED_BPS })], [heal]],
    halt: [[() => venue.maintenance({ system: 'maintenance' })], [online]],
    drain: [[() => venue.announceMaintenance(DRAIN_MS)], [online]],
    skew: [[turnOn({ skewMs: strength < 0 ? -SKEW_MS : SKEW_MS })], [heal]],
    disorder: [[turnOn({ duplicateShare: 0.3, reorderWindow: 5 })], [heal]],
    'empty-bids': [[turnOn({ hasEmptyBids: true })], [heal]],
    'zero-times': [[turnOn({ hasZeroTimes: true })], [heal]],
    'ack-last': [[turnOn({ isAckLast: true }), cut, restore], [heal]],
    // Without its socket, or nobody would ask.
    'rest-down': [[turnOn({ restErrorShare: 1, refusesFrames: true }), cut, restore], [heal]],
    'bad-symbol': [[() => venue.refuse(symbol), cut, restore], [() => venue.accept(symbol)]],
    burst: [[() => venue.burst(BURST)], []],
  };
  const [begin, end] = steps[fault];
  return { begin, end };
}

/** Never so little that it might pass for the venue's own opinion. */
function lieBps(strength: number): number {
  const size = LIE_BPS_MIN + Math.abs(strength) * LIE_BPS_SPREAD;
  return Math.round(strength < 0 ? -size : size);
}

/** Resolves at an instant of the monotonic clock. */
export function until(monotonicMs: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.setTimeout(() => resolve(), Math.max(0, monotonicMs - systemClock.monotonicMs()));
  });
}
