/** Lets one incident of the plan happen, and ends it. */
import { systemClock } from '@weir/clock';
import type { ExchangeControl } from '@weir/exchanges';
import type { Incident, VenueFault } from './plan.ts';
import type { ChaosWorld } from './world.ts';

const LIE_BPS_MIN = 150;
const LIE_BPS_SPREAD = 350;
const CROSSED_BPS = 40;
const SKEW_MS = 2_000;
const DRAIN_MS = 1_000;
const BURST = 2_000;
const VALKEY_DOWN_MS = 1_000;

type VenueIncident = Extract<Incident, { readonly venue: string }>;
type End = () => void;

/** Resolves when it has struck, to what ends it. */
export async function strike(world: ChaosWorld, incident: Incident): Promise<End> {
  if ('venue' in incident) return strikeVenue(world.exchanges.venue(incident.venue), incident);
  const controls = Object.keys(world.exchanges.addresses).map((id) => world.exchanges.venue(id));
  switch (incident.fault) {
    case 'all-cut':
      for (const control of controls) control.cut({ isRefusing: true });
      return () => {
        for (const control of controls) control.restore();
      };
    case 'all-silent':
      for (const control of controls) control.silence(true);
      return () => {
        for (const control of controls) control.silence(false);
      };
    case 'valkey-restart':
      await world.restartValkey(VALKEY_DOWN_MS);
      return NOTHING;
    case 'flushall':
      await world.valkey.bulk.call('FLUSHALL');
      return NOTHING;
    case 'feed-kill':
    case 'standby-kill': {
      const active = (await world.feedStatus())?.active;
      const isActive = incident.fault === 'feed-kill';
      world.feeds.find(({ name }) => (name === active) === isActive)?.kill('SIGKILL');
      return NOTHING;
    }
  }
}

const NOTHING: End = () => undefined;

function strikeVenue(control: ExchangeControl, { fault, strength }: VenueIncident): End {
  const direction = strength < 0 ? -1 : 1;
  const heal = (): void => control.heal();
  const restore = (): void => control.restore();
  const strikes: Readonly<Record<VenueFault, () => End>> = {
    cut: () => (control.cut(), restore),
    'refuse-connections': () => (control.cut({ isRefusing: true }), restore),
    silence: () => (control.silence(true), () => control.silence(false)),
    freeze: () => (control.fault({ isFrozen: true }), heal),
    lie: () => (control.fault({ lieBps: lieBps(strength) }), heal),
    cross: () => (control.fault({ crossedBps: CROSSED_BPS }), heal),
    halt: () => (control.maintenance({ system: 'maintenance' }), () => control.maintenance({ system: 'online' })),
    drain: () => (control.announceMaintenance(DRAIN_MS), () => control.maintenance({ system: 'online' })),
    skew: () => (control.fault({ skewMs: direction * SKEW_MS }), heal),
    disorder: () => (control.fault({ duplicateShare: 0.3, reorderWindow: 5 }), heal),
    'empty-bids': () => (control.fault({ hasEmptyBids: true }), heal),
    'zero-times': () => (control.fault({ hasZeroTimes: true }), heal),
    'ack-last': () => (control.fault({ isAckLast: true }), control.cut(), control.restore(), heal),
    'rest-down': () => (control.fault({ restErrorShare: 1 }), control.cut(), heal, () => (heal(), restore())),
    'bad-symbol': () => (control.fault({ unknownShare: 0.3 }), control.cut(), control.restore(), heal),
    burst: () => (control.burst(BURST), NOTHING),
  };
  return strikes[fault]();
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
