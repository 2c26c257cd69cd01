/** The composition that is the same in every process; what differs is the `start` it is given. */
import { readFileSync } from 'node:fs';
import { systemClock, type Clock } from '@weir/clock';
import type { Environment } from '@weir/config';
import { isWeirError } from '@weir/errors';
import { createLifecycle, type Lifecycle } from '@weir/lifecycle';
import { createLogger, createTelemetry, type Logger, type Telemetry } from '@weir/telemetry';
import { createValkey, type Valkey, type ValkeyTarget } from '@weir/valkey';
import { valkeyTargetOf, type ProcessConfig } from './process-settings.ts';

export interface ProcessParts<Config extends ProcessConfig> {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly telemetry: Telemetry;
  /** Connecting; `ready()` tells when it is there. */
  readonly valkey: Valkey;
  readonly node: string;
  readonly version: string;
}

export interface ProcessOptions<Config extends ProcessConfig> {
  /** As logs, metrics and `--help` name it. */
  readonly service: string;
  readonly version: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** All settings, one a line, for `--help`. */
  readonly settings: string;
  /** Throws CONFIG_INVALID with every fault. */
  readonly readConfig: (env: Environment) => Config;
  /** Resolves when the process is up; it registers with the lifecycle what a stop has to end. */
  readonly start: (parts: ProcessParts<Config>) => Promise<void>;
}

/** Resolves when the process is up, or has said why it is not. */
export async function runProcess<Config extends ProcessConfig>(
  options: ProcessOptions<Config>,
  target: NodeJS.Process,
): Promise<void> {
  const { service, summary, settings } = options;
  if (target.argv.includes('--help')) {
    const routes = '/docs on the running server describes its routes.';
    target.stdout.write(
      `${service}: ${summary}\n\nUsage: ${service} [--help]\n\nIt is configured by environment variables:\n\n${settings}\n\n${routes}\n`,
    );
    return;
  }
  const { config, valkeyTarget } = readSettingsOrExit(options, target);
  const clock = systemClock;
  const { WEIR_NODE_NAME: node, WEIR_LOG_LEVEL: level } = config;
  const logger = createLogger({ service, level, base: { node } });
  const lifecycle = createLifecycle({ clock, logger, stopDeadlineMs: config.WEIR_STOP_DEADLINE_MS });
  lifecycle.handleSignals(target);
  const fail = async (err: unknown): Promise<void> => {
    // A stop during the start ends what the start waits for.
    if (lifecycle.draining.aborted) return;
    logger.fatal({ err }, 'cannot start');
    await lifecycle.stop('cannot start');
    target.exit(1);
  };
  try {
    const parts = connect(options, valkeyTarget, { config, clock, logger, lifecycle, node, version: options.version });
    parts.valkey.ready().catch((err: unknown) => (isRefusedForGood(err) ? fail(err) : undefined));
    await options.start(parts);
  } catch (err) {
    await fail(err);
  }
}

/** Whoever starts without waiting for Valkey ends all the same when it can never do; a login may still be granted. */
function isRefusedForGood(err: unknown): boolean {
  return isWeirError(err) && err.code === 'CONFIG_INVALID';
}

function connect<Config extends ProcessConfig>(
  { service, version }: ProcessOptions<Config>,
  target: ValkeyTarget,
  parts: Omit<ProcessParts<Config>, 'telemetry' | 'valkey'>,
): ProcessParts<Config> {
  const { config, clock, logger, lifecycle, node } = parts;
  const telemetry = createTelemetry({
    service,
    version,
    instance: node,
    clock,
    logger,
    otlpEndpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    traceSampleRatio: config.WEIR_TRACE_SAMPLE_RATIO,
  });
  lifecycle.onStop('telemetry', () => telemetry.close());
  const valkey = createValkey({ target, clock, logger, telemetry, clientName: `weir-${service}` });
  lifecycle.onStop('valkey', () => valkey.close());
  return { ...parts, telemetry, valkey };
}

function readSettingsOrExit<Config extends ProcessConfig>(
  { readConfig }: ProcessOptions<Config>,
  target: NodeJS.Process,
): { readonly config: Config; readonly valkeyTarget: ValkeyTarget } {
  try {
    const config = readConfig(target.env);
    return { config, valkeyTarget: valkeyTargetOf(config, (file) => readFileSync(file, 'utf8')) };
  } catch (err) {
    if (!isWeirError(err)) throw err;
    target.stderr.write(`${err.detail}\nRun with --help for all settings.\n`);
    target.exit(2);
  }
}
