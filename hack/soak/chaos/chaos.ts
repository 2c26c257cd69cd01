/**
 * Chaos, seeded: venues and what stands behind the feed go wrong, by one plan, while somebody who knows the true prices
 * reads the API of two price servers.
 *
 * Held against the promises: no price outside the band of what was true at its instant, no age that lies, no seq or
 * instant that goes back, every answer a 200, takeover within 3 s, all fresh within 10 s of the last fault.
 */
import { systemClock } from '@weir/clock';
import { decodePriceUpdateBatch } from '@weir/wire';
import { planChaos, type Incident } from './plan.ts';
import { readServed } from './read-served.ts';
import { strike, until } from './strike.ts';
import { createWatch, type Violation } from './watch.ts';
import { CHAOS_FEED, startChaosWorld, type ChaosWorld } from './world.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** Of the faults; what comes back then takes up to 10 s more. */
  readonly durationMs: number;
  readonly say: (text: string) => void;
}

export interface ChaosResult {
  readonly ok: boolean;
  readonly [field: string]: unknown;
  readonly seed: number;
  readonly incidents: number;
  readonly answers: number;
  readonly violations: number;
  /** Answers that were no 200. */
  readonly refusals: number;
  /** Greatest distance from the true band; negative: always within. */
  readonly worst_bps: number;
  readonly takeovers: number;
  readonly worst_takeover_ms: number;
  readonly fresh_after_ms: number;
}

/** What the venues of one fair price may differ by: noise, ticks, and the rate of USDT, each about 1 to 2. */
const SLACK_BPS = 8;
const LAG_MS = 1_000;
const LOOK_MS = 100;
const LEARN_MS = 10;
const TAKEOVER_MS_MAX = 3_000;
const FRESH_MS_MAX = 10_000;
const TOLD_MAX = 20;

export async function runChaos({ seed, durationMs, say }: ChaosOptions): Promise<ChaosResult> {
  const world = await startChaosWorld(seed);
  const watch = createWatch({ slackBps: SLACK_BPS, lagMs: LAG_MS });
  const learn = (): void => {
    const truths = Object.entries(world.exchanges.truths());
    const prices = truths.map(([pair, price]) => [pair.replace(/-USD$/, ''), Number(price)] as const);
    watch.learn(systemClock.nowMs(), Object.fromEntries(prices));
  };
  learn();
  const learning = systemClock.setInterval(learn, LEARN_MS);
  const takeovers = watchTakeovers(world);
  const reading = readAll(world, watch, say);
  try {
    const incidents = planChaos({ seed, durationMs, venues: Object.keys(world.exchanges.addresses) });
    await runPlan(world, incidents, say, () => takeovers.expect());
    const freshAfterMs = await awaitFresh(world);
    const { violations, refusals } = await reading.end();
    const worstTakeoverMs = Math.max(0, ...takeovers.took);
    return {
      seed,
      incidents: incidents.length,
      answers: watch.checked,
      violations,
      refusals,
      worst_bps: Math.round(watch.worstBps * 10) / 10,
      takeovers: takeovers.took.length,
      worst_takeover_ms: Math.round(worstTakeoverMs),
      fresh_after_ms: Math.round(freshAfterMs),
      ok: violations + refusals === 0 && worstTakeoverMs < TAKEOVER_MS_MAX && freshAfterMs < FRESH_MS_MAX,
    };
  } finally {
    learning.cancel();
    await reading.end();
    await takeovers.close();
    await world.stop();
  }
}

async function runPlan(
  world: ChaosWorld,
  incidents: readonly Incident[],
  say: (text: string) => void,
  onFeedKill: () => void,
): Promise<void> {
  const startMs = systemClock.monotonicMs();
  const run = async (incident: Incident): Promise<void> => {
    await until(startMs + incident.startMs);
    const whom = 'venue' in incident ? ` at ${incident.venue}` : '';
    say(
      `${(incident.startMs / 1_000).toFixed(1)} s to ${(incident.endMs / 1_000).toFixed(1)} s: ${incident.fault}${whom}`,
    );
    const end = await strike(world, incident);
    if (incident.fault === 'feed-kill') onFeedKill();
    await until(startMs + incident.endMs);
    end();
  };
  await Promise.all(incidents.map(run));
}

interface Reading {
  /** May be called again. */
  end(): Promise<{ readonly violations: number; readonly refusals: number }>;
}

function readAll(world: ChaosWorld, watch: ReturnType<typeof createWatch>, say: (text: string) => void): Reading {
  let violations = 0;
  let refusals = 0;
  const over = new AbortController();
  const note = (violation: Violation): void => {
    violations += 1;
    if (violations <= TOLD_MAX) say(`VIOLATION ${JSON.stringify(violation)}`);
  };
  const readOne = async (index: number): Promise<void> => {
    while (!over.signal.aborted) {
      const { name, url = '' } = world.pods[index] ?? {};
      const { served, refused } = await readServed(name ?? '', url, world.key, world.assets);
      for (const one of served) {
        const violation = watch.check(one);
        if (violation !== undefined) note(violation);
      }
      if (refused !== undefined) {
        refusals += 1;
        if (refusals <= TOLD_MAX) say(`REFUSED by ${name}: ${refused}`);
      }
      await until(systemClock.monotonicMs() + LOOK_MS);
    }
  };
  const reading = Promise.all(world.pods.map((_, index) => readOne(index)));
  return {
    async end() {
      over.abort();
      await reading;
      return { violations, refusals };
    },
  };
}

/** How long prices were not published after a feed was killed, as a reader of the channel sees it. */
function watchTakeovers({ valkey }: ChaosWorld) {
  const took: number[] = [];
  let lease = '';
  let expected: { readonly sinceMs: number; readonly before: string } | undefined;
  const subscription = valkey.subscribe(['price:updates'], {
    message: (_channel, text) => {
      const batch = decodePriceUpdateBatch(text);
      if (batch?.feed !== CHAOS_FEED) return;
      lease = batch.lease;
      if (expected === undefined || expected.before === lease) return;
      took.push(systemClock.monotonicMs() - expected.sinceMs);
      expected = undefined;
    },
    up: () => undefined,
  });
  return {
    took,
    expect: () => void (expected = { sinceMs: systemClock.monotonicMs(), before: lease }),
    close: () => subscription.close(),
  };
}

/** Resolves to how long it took until both price servers call every price fresh. */
async function awaitFresh({ pods, key, assets }: ChaosWorld): Promise<number> {
  const startMs = systemClock.monotonicMs();
  for (;;) {
    const answers = await Promise.all(pods.map(({ name, url = '' }) => readServed(name, url, key, assets)));
    const isFresh = answers.every(
      ({ served }) => served.length === assets.length && served.every((one) => one.isFresh),
    );
    const elapsedMs = systemClock.monotonicMs() - startMs;
    if (isFresh || elapsedMs > 2 * FRESH_MS_MAX) return elapsedMs;
    await until(systemClock.monotonicMs() + LOOK_MS);
  }
}
