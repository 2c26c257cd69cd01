/** Starts standalone mode for a person at a terminal: progress and addresses on stdout, the JSON log on stderr. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '@weir/clock';
import { isWeirError } from '@weir/errors';
import { createLifecycle } from '@weir/lifecycle';
import { createLogger } from '@weir/telemetry';
import packageJson from '../package.json' with { type: 'json' };
import type { Standalone } from './app.ts';
import { clientLines, curlLine, describePrices, progressLine } from './describe-start.ts';
import { HELP, parseOptions, type StandaloneOptions } from './options.ts';
import { oncePerKeypress } from './signal-target.ts';

/** In the repository, wherever this file lies in it: as a source or in a bundle. */
function findExamples(folder: string): string {
  const examples = path.join(folder, 'crds/examples');
  const above = path.dirname(folder);
  return existsSync(examples) || above === folder ? examples : findExamples(above);
}

async function main(options: StandaloneOptions): Promise<void> {
  const { version } = packageJson;
  const clock = systemClock;
  const logger = createLogger({ service: 'standalone', level: options.logLevel, destination: process.stderr });
  const lifecycle = createLifecycle({ clock, logger });
  const signals = oncePerKeypress(process, clock);
  lifecycle.handleSignals(signals);
  let hasFailed = false;
  // Registered first, so it stops last.
  lifecycle.onStop('farewell', () => {
    if (!hasFailed) console.log('Stopped.');
  });
  lifecycle.draining.addEventListener('abort', () => {
    if (!hasFailed) console.log('\nStopping; once more to leave at once.');
  });
  const progress = (label: string, text: string): void => {
    if (!lifecycle.draining.aborted) console.log(progressLine(label, text));
  };
  console.log(`Weir ${version}, standalone\n`);
  try {
    // Loaded here, so that help and typing errors are answered before all of Weir is read.
    const { startStandalone } = await import('./app.ts');
    const started = await startStandalone(options, { clock, logger, lifecycle, version, progress });
    if (!lifecycle.draining.aborted) describe(started);
  } catch (err) {
    // A stop during the start ends what the start waits for.
    if (lifecycle.draining.aborted) return;
    hasFailed = true;
    console.error(isWeirError(err) ? `\n${err.code}\n${err.detail}` : `\n${String(err)}`);
    if (!isWeirError(err)) logger.fatal({ err }, 'cannot start');
    await lifecycle.stop('cannot start');
    process.exit(1);
  }
}

function describe({ url, key, pair, firstPrice, folder, feeds }: Standalone): void {
  console.log(progressLine('data', `${folder.path}, delete it to start afresh`));
  console.log(progressLine('process', `${process.pid}, stop it with Ctrl-C; changed resources need a restart`));
  const sources = feeds.flatMap((feed) => feed.status().sources);
  for (const [index, line] of describePrices(pair, firstPrice, sources).entries())
    console.log(progressLine(index === 0 ? 'prices' : '', line));
  if (key === undefined) console.log(progressLine('keys', 'none: no policy asks for one in spec.keys'));
  const target = { url, pair: firstPrice?.pair ?? pair, key };
  console.log(`\nTry it:\n\n${curlLine(target)}\n`);
  const clients = clientLines(target);
  if (clients.length > 0) console.log(`A stream, and UDP; in this folder:\n\n${clients.join('\n')}\n`);
}

function readOptions(): StandaloneOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2), findExamples(import.meta.dirname));
  } catch (err) {
    if (!isWeirError(err)) throw err;
    console.error(err.detail);
    process.exit(2);
  }
}

const options = readOptions();
if (options === undefined) console.log(HELP);
else await main(options);
