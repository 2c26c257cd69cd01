/** Datagrams that were charged are not charged again: those of a moment ago, and those about which Valkey is being asked. */
import { macWord, type ReplayWindow, type UdpRequest } from '@weir/udp';
import type { UdpMetrics } from './udp-metrics.ts';

export interface ReplayGuardParts {
  readonly replays: ReplayWindow;
  readonly udp: Pick<UdpMetrics, 'ignored'>;
  readonly serverTimeMs: () => number;
}

interface Signed {
  readonly bytes: Buffer;
  readonly request: UdpRequest;
}

export interface ReplayGuard {
  /** True, and counted, for one that was charged before, or that nobody could tell when it comes again. */
  of(datagram: Signed): boolean;
  /** It is being decided about; answers how to say that this is over. */
  hold(datagram: Signed): () => void;
  /** It has been charged. */
  keep(datagram: Signed): void;
}

/** What was charged is remembered; what was refused costs nobody anything if it comes again. */
export function createReplayGuard({ replays, udp, serverTimeMs }: ReplayGuardParts): ReplayGuard {
  /** As text: few, and only while Valkey is asked. */
  const undecided = new Set<string>();
  const high = ({ bytes, request }: Signed): number => macWord(bytes, request, 0);
  const low = ({ bytes, request }: Signed): number => macWord(bytes, request, 8);
  const nameOf = (datagram: Signed): string => `${high(datagram)} ${low(datagram)}`;
  return {
    of(datagram) {
      const sight = replays.look(datagram.request.unixMs, high(datagram), low(datagram));
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
    keep: (datagram) => replays.add(datagram.request.unixMs, serverTimeMs(), high(datagram), low(datagram)),
  };
}
