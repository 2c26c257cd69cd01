/** Environment variables in, a frozen and valid configuration out, or every fault at once. */
import { WeirError } from '@weir/errors';
import type { Static, TObject, TSchema } from 'typebox';
import { describeExpectation, fieldOf, isOptional, readField } from './field.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigFault {
  /** Of the environment variable. */
  readonly name: string;
  /** Without the value of a secret. */
  readonly problem: string;
  readonly fix: string;
}

/** Its message lists every fault, one per line. */
export class ConfigError extends WeirError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const lines = faults.map(({ name, problem, fix }) => `  ${name} ${problem}. ${fix}`);
    super('CONFIG_INVALID', { detail: `Invalid configuration:\n${lines.join('\n')}` });
    this.faults = faults;
  }

  override get name(): string {
    return 'ConfigError';
  }
}

/**
 * Reads each property of the schema from the environment variable of the same name, or of one of its aliases. An empty
 * text counts as absent. Throws ConfigError.
 */
export function loadConfig<S extends TObject>(schema: S, env: Environment): Readonly<Static<S>> {
  const config: Record<string, unknown> = {};
  const faults: ConfigFault[] = [];
  for (const [name, property] of Object.entries<TSchema>(schema.properties)) {
    const outcome = loadField(name, property, env);
    if ('fault' in outcome) faults.push(outcome.fault);
    else if (outcome.value !== undefined) config[name] = outcome.value;
  }
  if (faults.length > 0) throw new ConfigError(faults);
  // Every property has just been checked against its own schema.
  return Object.freeze(config) as Readonly<Static<S>>;
}

function loadField(name: string, schema: TSchema, env: Environment): { value: unknown } | { fault: ConfigFault } {
  const field = fieldOf(schema);
  const source = [name, ...(field.aliases ?? [])].find((candidate) => (env[candidate] ?? '') !== '');
  const fix = fixOf(name, schema);
  if (source === undefined) {
    const computed = field.defaultFrom?.();
    // What the machine says is no more certain to fit than what a person sets.
    if (computed !== undefined && readField(schema, computed) === undefined) {
      const problem = `is not set, and ${field.defaultText ?? 'its default'}, ${quote(computed)}, is not ${describeExpectation(field)}`;
      return { fault: { name, problem, fix } };
    }
    const value = computed ?? field.default;
    if (value !== undefined || isOptional(schema)) return { value };
    return { fault: { name, problem: `is not set${describeNearMiss(name, env)}`, fix } };
  }
  const text = env[source] ?? '';
  const value = readField(schema, text);
  if (value !== undefined) return { value };
  const shown = field.isSecret === true ? 'has a value that' : `is ${quote(text)}, which`;
  return {
    fault: { name: source, problem: `${shown} is not ${describeExpectation(field)}`, fix: fixOf(source, schema) },
  };
}

/** An address may hold a password although its setting is no secret by itself. */
function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100).replace(/\/\/[^/]*@/, '//[Redacted]@'));
}

function fixOf(name: string, schema: TSchema): string {
  const field = fieldOf(schema);
  const example = field.example ?? field.default;
  const hint = example === undefined ? '' : `, for example ${example}`;
  return `Set ${name} to ${describeExpectation(field)}${hint}.`;
}

/** A misspelt name is the usual reason why a setting is missing. */
function describeNearMiss(name: string, env: Environment): string {
  const near = Object.keys(env).find((candidate) => candidate !== name && isOneSlipAway(candidate, name));
  return near === undefined ? '' : ` (but ${near} is)`;
}

/** One letter more, less or other, or two neighbours swapped. */
function isOneSlipAway(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  const restA = a.slice(start);
  const restB = b.slice(start);
  if (restA.slice(1) === restB || restA === restB.slice(1) || restA.slice(1) === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}
