/** One setting: what its schema says about it, and what its text is read as. */
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** Beside the keywords of JSON Schema, a field may carry these. */
export interface FieldOptions {
  readonly description: string;
  readonly default?: string | number | boolean;
  /** For a default that depends on the machine; `defaultText` describes it. */
  readonly defaultFrom?: () => string;
  readonly defaultText?: string;
  /** Other environment variables that are read when the first is absent. */
  readonly aliases?: readonly string[];
  /** Its value is never printed. */
  readonly isSecret?: boolean;
  /** "an address that begins with http://"; otherwise derived from the schema. */
  readonly expects?: string;
  readonly example?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What the loader reads of a schema. */
export interface Field extends Partial<FieldOptions> {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Field;
}

export function fieldOf(schema: TSchema): Field {
  return schema;
}

export function isOptional(schema: TSchema): boolean {
  return '~optional' in schema;
}

const WHOLE_NUMBER = /^-?\d{1,15}$/;
const DECIMAL_NUMBER = /^-?\d{1,15}(\.\d{1,15})?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false };

/** `undefined` when the text cannot be what the schema describes. */
export function readField(schema: TSchema, text: string): unknown {
  const value = convert(fieldOf(schema), text);
  return value !== undefined && Value.Check(schema, value) ? value : undefined;
}

function convert(field: Field, text: string): unknown {
  // A secret is taken to the letter; elsewhere blanks at the ends are slips.
  const trimmed = field.isSecret === true ? text : text.trim();
  switch (field.type) {
    case 'integer':
      return WHOLE_NUMBER.test(trimmed) ? Number(trimmed) : undefined;
    case 'number':
      return DECIMAL_NUMBER.test(trimmed) ? Number(trimmed) : undefined;
    case 'boolean':
      return BOOLEANS[trimmed.toLowerCase()];
    case 'array':
      return splitList(field.items ?? {}, trimmed);
    default:
      return trimmed;
  }
}

function splitList(items: Field, text: string): unknown[] | undefined {
  const values = text.split(',').map((part) => convert(items, part));
  return values.includes(undefined) ? undefined : values;
}

/** What a valid value looks like, to follow "Set NAME to". */
export function describeExpectation(field: Field): string {
  if (field.expects !== undefined) return field.expects;
  if (field.enum !== undefined) return `one of ${field.enum.join(', ')}`;
  switch (field.type) {
    case 'integer':
      return `a whole number${describeRange(field)}`;
    case 'number':
      return `a number${describeRange(field)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a comma-separated list, each part ${describeExpectation(field.items ?? {})}`;
    default:
      return field.pattern === undefined ? 'a text' : `a text of the form ${field.pattern}`;
  }
}

function describeRange({ minimum, maximum }: Field): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, ${minimum} at least`;
  return maximum === undefined ? '' : `, ${maximum} at most`;
}
