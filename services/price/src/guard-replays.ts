/** Datagrams that were charged are not charged again: those of a moment ago, and those about which Valkey is being asked. */
import { macWord, type ReplayWindow, type UdpRequest } from '@weir/udp';
import type { UdpMetrics } from './udp-metrics.ts';

export interface ReplayGuardParts {
  readonly replays: ReplayWindow;
  readonly udp: Pick<UdpMetrics, 'ignored'>;
  readonly serverTimeMs: () => number;
}

export interface Markable {
  readonly bytes: Buffer;
  readonly request: UdpRequest;
  /** What it is remembered by: read once, on its hot path. */
  high: number;
  low: number;
}

/** Once its hmac is known to be right. */
export function mark(datagram: Markable): void {
  datagram.high = macWord(datagram.bytes, datagram.request, 0);
  datagram.low = macWord(datagram.bytes, datagram.request, 8);
}

export interface ReplayGuard {
  /** True, and counted, for one that was charged before, or that nobody could tell when it comes again. */
  of(datagram: Markable): boolean;
  /** It is being decided about; answers how to say that this is over. */
  hold(datagram: Markable): () => void;
  /** It has been charged. */
  keep(datagram: Markable): void;
}

/** What was charged is remembered; what was refused costs nobody anything if it comes again. */
export function createReplayGuard({ replays, udp, serverTimeMs }: ReplayGuardParts): ReplayGuard {
  /** As text: few, and only while Valkey is asked. */
  const undecided = new Set<string>();
  const nameOf = ({ high, low }: Markable): string => `${high} ${low}`;
  return {
    of(datagram) {
      const sight = replays.look(datagram.request.unixMs, datagram.high, datagram.low);
      if (sight === 'full') udp.ignored.replay_full.add();
      else if (sight === 'seen' || (undecided.size > 0 && undecided.has(nameOf(datagram)))) udp.ignored.replay.add();
      else return false;
      return true;
    },
    hold(datagram) {
      const name = nameOf(datagram);
      undecided.add(name);
      return () => undecided.delete(name);
    },
    keep: (datagram) => replays.add(datagram.request.unixMs, serverTimeMs(), datagram.high, datagram.low),
  };
}
