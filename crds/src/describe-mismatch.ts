/** Turns what the schema validator found into words: what is wrong with a value, and how to put it right. */
import type { ErrorObject } from 'ajv';
import { nearestName } from './nearest-name.ts';
import { asRecord, formatPlace, type Place } from './structural-schema.ts';

export interface Mismatch {
  readonly place: Place;
  readonly problem: string;
  readonly fix: string;
}

/** `place` is where the validator stood; `value` what it found there. */
export function describeMismatch(error: ErrorObject, place: Place, value: unknown): Mismatch {
  const schema = asRecord(error.parentSchema) ?? {};
  const params = asRecord(error.params) ?? {};
  const shown = JSON.stringify(value);
  switch (error.keyword) {
    case 'required':
      return missing([...place, String(params['missingProperty'])], schema);
    case 'additionalProperties':
      return unknownField([...place, String(params['additionalProperty'])], schema);
    case 'type':
      return { place, ...wrongType(String(params['type']), value, exampleOf(schema)) };
    case 'enum':
      return { place, ...notOneOf(value, schema) };
    case 'pattern':
    case 'format':
      return { place, problem: `is ${shown}, which is not of the expected form`, fix: writeLike(exampleOf(schema)) };
    case 'minimum':
      return { place, problem: `is ${shown}, which is too small`, fix: `raise it to ${bound(params)} or more` };
    case 'maximum':
      return { place, problem: `is ${shown}, which is too large`, fix: `lower it to ${bound(params)} or less` };
    case 'minItems':
      return { place, problem: 'has too few items', fix: `list at least ${bound(params)}` };
    case 'maxItems':
    case 'maxProperties':
      return { place, problem: 'has too many items', fix: `list at most ${bound(params)}` };
    case 'minLength':
      return { place, problem: 'is too short', fix: `write at least ${bound(params)} characters` };
    case 'maxLength':
      return { place, problem: 'is too long', fix: `write at most ${bound(params)} characters` };
    default:
      return { place, problem: error.message ?? 'is not valid', fix: 'compare it with docs/resources.md' };
  }
}

function missing(place: Place, schema: Readonly<Record<string, unknown>>): Mismatch {
  const field = asRecord(asRecord(schema['properties'])?.[String(place.at(-1))]);
  const example = field === undefined ? undefined : exampleOf(field);
  const suffix = example === undefined ? '' : `, for example ${String(place.at(-1))}: ${example}`;
  return { place, problem: 'is missing', fix: `add it${suffix}` };
}

function unknownField(place: Place, schema: Readonly<Record<string, unknown>>): Mismatch {
  const properties = asRecord(schema['properties']) ?? {};
  const known = Object.keys(properties);
  const name = String(place.at(-1));
  const meant = nearestName(name, known);
  const owners = known.filter((field) => asRecord(asRecord(properties[field])?.['properties'])?.[name] !== undefined);
  const otherwise = meant === undefined ? `remove it; known here are ${known.join(', ')}` : `write ${meant}`;
  // A name that is right one level deeper is no slip of the finger.
  const fix =
    owners.length === 0
      ? otherwise
      : `write it under ${owners.map((owner) => formatPlace([...place.slice(0, -1), owner])).join(' or ')}`;
  return { place, problem: 'is not a field', fix };
}

function wrongType(wanted: string, value: unknown, example: string | undefined): { problem: string; fix: string } {
  const problem = `is ${kindOf(value)}, and must be ${withArticle(wanted)}`;
  if (wanted === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    const quoted = example ?? JSON.stringify(String(value));
    return { problem, fix: `put it in quotes, like ${quoted.startsWith('"') ? quoted : `"${quoted}"`}` };
  }
  if (wanted === 'object') return { problem, fix: 'write fields below it' };
  if (wanted === 'array') return { problem, fix: 'write a list, like [a, b]' };
  return { problem, fix: wanted === 'boolean' ? 'write true or false' : `write ${withArticle(wanted)}` };
}

function notOneOf(value: unknown, schema: Readonly<Record<string, unknown>>): { problem: string; fix: string } {
  const allowed = Array.isArray(schema['enum']) ? schema['enum'].map(String) : [];
  const meant = nearestName(String(value), allowed);
  const problem = `is ${JSON.stringify(value)}, which is not one of ${allowed.join(', ')}`;
  return { problem, fix: meant === undefined ? 'write one of them' : `write ${meant}` };
}

function exampleOf(schema: Readonly<Record<string, unknown>>): string | undefined {
  const allowed: readonly unknown[] = Array.isArray(schema['enum']) ? schema['enum'] : [];
  const example = schema['example'] ?? allowed[0];
  if (typeof example !== 'string') return undefined;
  // What YAML would read as a number has to be quoted.
  return /^[\d.]+$/.test(example) ? `"${example}"` : example;
}

function writeLike(example: string | undefined): string {
  return example === undefined ? 'compare it with docs/resources.md' : `write it like ${example}`;
}

function bound(params: Readonly<Record<string, unknown>>): string {
  return String(params['limit']);
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a set of fields';
  const kinds: Readonly<Record<string, string>> = { string: 'text', boolean: 'truth value' };
  return `the ${kinds[typeof value] ?? typeof value} ${JSON.stringify(value)}`;
}

function withArticle(type: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a text',
    integer: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a set of fields',
  };
  return names[type] ?? type;
}
