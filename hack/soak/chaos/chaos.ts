/**
 * Chaos, seeded: venues and what stands behind the feed go wrong, by one plan, while somebody who knows the true prices
 * reads the API of all price servers.
 *
 * Held against the promises: no price further from the truth than the rule says, no age that lies, no seq that goes back,
 * every answer a 200, takeover within 3 s as readers see it, all fresh and stored within 10 s of the last fault. And every
 * fault must have struck.
 */
import { systemClock } from '@weir/clock';
import { createCircumstances, type Circumstances } from './circumstances.ts';
import { createTruthMover } from './move-truth.ts';
import { planChaos, type Incident, type PlanOptions } from './plan.ts';
import { strike, until } from './strike.ts';
import { createTakeovers, type Takeovers } from './takeovers.ts';
import type { ChaosTarget } from './target.ts';
import { createWatch, type Violation, type Watch } from './watch.ts';

export interface ChaosOptions extends Omit<PlanOptions, 'venues'> {
  /** Somebody else's; it is left as well as it was found. */
  readonly target: ChaosTarget;
  readonly say: (text: string) => void;
  /** How often the truth is asked for; absent: every 10 ms. */
  readonly learnMs?: number;
  /** What the true price may have moved by, there and back, between two looks at it; absent: nothing. */
  readonly unseenBps?: number;
}

export interface ChaosResult {
  readonly ok: boolean;
  readonly [field: string]: unknown;
  readonly seed: number;
  readonly incidents: number;
  /** Incidents that changed nothing. */
  readonly idle: readonly string[];
  /** Prices that were held against the truth. */
  readonly answers: number;
  readonly violations: number;
  /** Answers that were no 200. */
  readonly refusals: number;
  /** Prices of which nothing was promised. */
  readonly unpromised: number;
  /** Greatest distance from the true band; negative: always within. */
  readonly worst_bps: number;
  /** The same as a share of what the rule allows. */
  readonly worst_share: number;
  readonly worst_step_back_ms: number;
  readonly takeovers: number;
  readonly worst_takeover_ms: number;
  readonly fresh_after_ms: number;
}

const LAG_MS = 1_000;
const LOOK_MS = 100;
const LEARN_MS = 10;
const MOVE_MS = 250;
const TAKEOVER_MS_MAX = 3_000;
const FRESH_MS_MAX = 10_000;
const TOLD_MAX = 20;
const TETHER = 'USDT';

/** What is known while it goes on. */
interface Run {
  readonly target: ChaosTarget;
  readonly say: (text: string) => void;
  readonly watch: Watch;
  readonly circumstances: Circumstances;
  readonly takeovers: Takeovers;
  readonly learn: () => Promise<void>;
  readonly idle: string[];
  violations: number;
  refusals: number;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { target, seed, learnMs = LEARN_MS } = options;
  const run = createRun(options);
  await run.learn();
  const move = createTruthMover(
    { ...target, assets: everything(target), tetherPrice: String((await target.readTruths())[TETHER] ?? 1) },
    systemClock.monotonicMs(),
  );
  const over = new AbortController();
  const loops = Promise.all([
    every(learnMs, over.signal, run.learn),
    every(MOVE_MS, over.signal, () => move(systemClock.monotonicMs())),
    ...target.pods.map((_, index) => every(LOOK_MS, over.signal, () => look(run, index))),
  ]);
  const incidents = planChaos({ ...options, venues: target.venues });
  let freshAfterMs = Infinity;
  try {
    await runPlan(run, incidents);
    freshAfterMs = await awaitFresh(target);
  } finally {
    over.abort();
    await loops;
  }
  const { watch, takeovers, violations, refusals, idle } = run;
  const kills = incidents.filter(({ fault }) => fault === 'feed-kill').length;
  const worstTakeoverMs = Math.max(0, ...takeovers.tookMs);
  const isQuick = takeovers.tookMs.length === kills && worstTakeoverMs < TAKEOVER_MS_MAX;
  const isWatched = watch.checked > (options.durationMs / 1_000) * target.assets.length;
  return {
    seed,
    incidents: incidents.length,
    idle,
    answers: watch.checked,
    violations,
    refusals,
    unpromised: watch.unpromised,
    worst_bps: Math.round(watch.worstBps * 10) / 10,
    worst_share: Math.round(watch.worstShare * 100) / 100,
    worst_step_back_ms: Math.round(watch.worstStepBackMs),
    takeovers: takeovers.tookMs.length,
    worst_takeover_ms: Math.round(worstTakeoverMs),
    fresh_after_ms: Math.round(freshAfterMs),
    ok:
      violations + refusals + idle.length + watch.unpromised === 0 &&
      isQuick &&
      isWatched &&
      freshAfterMs < FRESH_MS_MAX,
  };
}

function createRun({ target, say, unseenBps = 0 }: ChaosOptions): Run {
  const circumstances = createCircumstances(target.rules);
  const { lone, venues } = target;
  const watch = createWatch({
    slackBps: (asset, span, rateBps) => {
      if (asset !== lone?.asset) return addTo(circumstances.slackBps(venues, span, rateBps), unseenBps);
      // While it lies there is nobody to tell, which is no news.
      return addTo(circumstances.slackBps([lone.venue], span, 0), unseenBps) ?? Infinity;
    },
    liarsSince: (asset, atMs, forMs) => (asset === lone?.asset ? [] : circumstances.liarsSince(atMs, forMs)),
    freshMs: target.rules.freshness.freshMs,
    lagMs: LAG_MS,
  });
  const names = target.pods.map(({ name }) => name);
  return {
    target,
    say,
    watch,
    circumstances,
    takeovers: createTakeovers(names, target.assets),
    learn: async () => {
      const truths = await target.readTruths();
      watch.learn(systemClock.nowMs(), truths);
    },
    idle: [],
    violations: 0,
    refusals: 0,
  };
}

const addTo = (bps: number | undefined, more: number): number | undefined =>
  bps === undefined ? undefined : bps + more;

/** So long from the end of one time to the next. */
async function every(ms: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await act();
    await until(systemClock.monotonicMs() + ms);
  }
}

/** Faults of the world one after another, those of venues beside them. */
async function runPlan(run: Run, incidents: readonly Incident[]): Promise<void> {
  const startMs = systemClock.monotonicMs();
  let worldIsWell = Promise.resolve();
  const running = incidents.map((incident) => {
    if ('venue' in incident) return runIncident(run, incident, startMs);
    worldIsWell = worldIsWell.then(() => runIncident(run, incident, startMs));
    return worldIsWell;
  });
  await Promise.all(running);
}

async function runIncident(run: Run, incident: Incident, startMs: number): Promise<void> {
  const { target, say, circumstances, takeovers, idle } = run;
  await until(startMs + incident.startMs);
  const name = 'venue' in incident ? `${incident.fault} at ${incident.venue}` : incident.fault;
  const struck = circumstances.begin(incident, systemClock.nowMs());
  try {
    const blow = await strike(target, incident);
    if (incident.fault === 'feed-kill') takeovers.killed(systemClock.nowMs());
    await until(startMs + incident.endMs);
    await blow.end();
    struck.toMs = systemClock.nowMs();
    const span = `${(incident.startMs / 1_000).toFixed(1)} s to ${((systemClock.monotonicMs() - startMs) / 1_000).toFixed(1)} s`;
    const hadEffect = await blow.hadEffect();
    say(`${span}: ${name}${hadEffect ? '' : ', WITHOUT EFFECT'}`);
    if (!hadEffect) idle.push(name);
  } catch (error) {
    struck.toMs = systemClock.nowMs();
    idle.push(name);
    say(`${name} FAILED: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function look(run: Run, index: number): Promise<void> {
  const { target, watch, takeovers, say } = run;
  const pod = target.pods[index];
  if (pod === undefined) return;
  const { served, refused } = await pod.look();
  // What was true until the answer came.
  await run.learn();
  for (const one of served) {
    takeovers.see(one);
    const violation = watch.check(one);
    if (violation !== undefined) note(run, violation);
  }
  if (refused === undefined) return;
  run.refusals += 1;
  if (run.refusals <= TOLD_MAX) say(`REFUSED by ${pod.name}: ${refused}`);
}

function note(run: Run, violation: Violation): void {
  run.violations += 1;
  if (run.violations <= TOLD_MAX) run.say(`VIOLATION ${JSON.stringify(violation)}`);
}

function everything({ assets, lone }: ChaosTarget): readonly string[] {
  return lone === undefined ? assets : [...assets, lone.asset];
}

/** Resolves to how long it took until all price servers call every price fresh, and Valkey has all of them. */
async function awaitFresh(target: ChaosTarget): Promise<number> {
  const { pods, countStored } = target;
  const assets = everything(target);
  const startMs = systemClock.monotonicMs();
  for (;;) {
    const looks = await Promise.all(pods.map((pod) => pod.look()));
    const isFresh = looks.every(({ served }) => served.length === assets.length && served.every((one) => one.isFresh));
    const isStored = (await countStored()) === assets.length;
    const elapsedMs = systemClock.monotonicMs() - startMs;
    if ((isFresh && isStored) || elapsedMs > 2 * FRESH_MS_MAX) return elapsedMs;
    await until(systemClock.monotonicMs() + LOOK_MS);
  }
}
