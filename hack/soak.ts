/**
 * Long runs that look for what short tests miss: `npm run --silent soak -- fuzz`.
 *
 * What people read goes to stderr; the last line of stdout is one JSON object. The exit code is 0 when nothing was found,
 * 1 when something was, 2 for options that cannot be.
 */
import { parseArgs } from 'node:util';
import { chaosSoak } from './soak/soak-chaos.ts';
import { exchangesSoak } from './soak/soak-exchanges.ts';
import { fuzzSoak } from './soak/soak-fuzz.ts';
import type { Soak } from './soak/soak.ts';

const SOAKS: readonly Soak[] = [fuzzSoak, chaosSoak, exchangesSoak];

function usage(): string {
  const describe = ({ name, summary, options }: Soak): string => {
    const lines = Object.entries(options).map(
      ([option, { description, initial }]) => `${`  --${option} <n>`.padEnd(19)}  ${description} (${initial})`,
    );
    return [`${name.padEnd(9)} ${summary}`, ...lines].join('\n');
  };
  const names = SOAKS.map(({ name }) => name).join('|');
  return `Usage: npm run --silent soak -- <${names}> [options]\n\n${SOAKS.map(describe).join('\n')}`;
}

/** Throws RangeError; parseArgs throws TypeError. */
function readNumbers({ options }: Soak, args: readonly string[]): Readonly<Record<string, number>> {
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.keys(options).map((name) => [name, { type: 'string' } as const])),
  });
  return Object.fromEntries(
    Object.entries(options).map(([name, { initial }]) => {
      const given: unknown = values[name];
      const value = given === undefined ? initial : Number(given);
      if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} must be a whole number`);
      return [name, value];
    }),
  );
}

/** The exit code. */
async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    console.log(usage());
    return 0;
  }
  const soak = SOAKS.find((candidate) => candidate.name === name);
  if (soak === undefined) {
    console.error(usage());
    return 2;
  }
  let numbers: Readonly<Record<string, number>>;
  try {
    numbers = readNumbers(soak, args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage()}`);
    return 2;
  }
  const report = await soak.run(numbers);
  console.log(JSON.stringify({ soak: soak.name, ...report }));
  return report.ok ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
