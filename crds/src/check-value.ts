/** Holds a value against a structural schema the way a strict API server does: defaults in, unknown fields refused, CEL rules. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { createRuleEvaluator, type BrokenRule, type RuleEvaluator } from './cel-rules.ts';
import { describeMismatch, type Mismatch } from './describe-mismatch.ts';
import { asRecord, visitValues, type Place, type StructuralSchema } from './structural-schema.ts';

/** Fills defaults into the value it is given and answers every mismatch. */
export type ValueCheck = (value: unknown) => readonly Mismatch[];

const INT_RANGES = {
  int32: { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  // Beyond this a number read from YAML is no longer the one that was written.
  int64: { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
};

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

export function createValueCheck(schema: StructuralSchema): ValueCheck {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true });
  ajv.addVocabulary(['example']);
  ajv.addFormat('date-time', (text: string) => RFC3339.test(text) && !Number.isNaN(Date.parse(text)));
  const validate = ajv.compile(jsonSchemaOf(schema));
  const rules = createRuleEvaluator();
  return (value) => {
    const mismatches = mismatchesOf(validate, value);
    const found = [...mismatches, ...duplicatesIn(schema, value)];
    return [...found, ...brokenRules(rules, schema, value, found)];
  };
}

/** The same schema for a JSON Schema validator; unknown fields are refused wherever fields are named. */
function jsonSchemaOf(schema: StructuralSchema): object {
  const { properties, additionalProperties, items, format, type, default: fallback, ...rest } = schema;
  const plain = Object.fromEntries(
    Object.entries(rest).filter(([name]) => !name.startsWith('x-') && name !== 'description'),
  );
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || properties === undefined;
  return {
    type,
    ...plain,
    ...(fallback !== undefined && { default: fallback }),
    ...(format === 'date-time' && { format }),
    ...(format !== undefined && format !== 'date-time' && boundsOf(schema, INT_RANGES[format])),
    ...(items !== undefined && { items: jsonSchemaOf(items) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, jsonSchemaOf(field)])),
    }),
    ...(additionalProperties !== undefined && { additionalProperties: jsonSchemaOf(additionalProperties) }),
    ...(additionalProperties === undefined && !isOpen && { additionalProperties: false }),
  };
}

function boundsOf({ minimum, maximum }: StructuralSchema, range: { minimum: number; maximum: number }): object {
  return { minimum: minimum ?? range.minimum, maximum: maximum ?? range.maximum };
}

function mismatchesOf(validate: ValidateFunction, value: unknown): Mismatch[] {
  if (validate(value)) return [];
  const errors = validate.errors ?? [];
  return errors
    .filter((error) => !isEchoed(error, errors))
    .map((error) => describeMismatch(error, placeOf(error, value), error.data));
}

/** A text that is too short also misses its pattern; one of the two says it all. */
function isEchoed(error: ErrorObject, all: readonly ErrorObject[]): boolean {
  return (
    (error.keyword === 'minLength' || error.keyword === 'maxLength') &&
    all.some(({ keyword, instancePath }) => keyword === 'pattern' && instancePath === error.instancePath)
  );
}

/** From the validator's JSON pointer; a step into a list is a number. */
function placeOf({ instancePath }: ErrorObject, root: unknown): Place {
  const place: (string | number)[] = [];
  let current: unknown = root;
  for (const step of instancePath.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    place.push(Array.isArray(current) ? Number(name) : name);
    current = Array.isArray(current) ? (current as unknown[])[Number(name)] : asRecord(current)?.[name];
  }
  return place;
}

/** Sets hold each value once, list-maps each key once. */
function duplicatesIn(schema: StructuralSchema, value: unknown): Mismatch[] {
  const found: Mismatch[] = [];
  visitValues(schema, value, (described, list, place) => {
    const kind = described['x-kubernetes-list-type'];
    if (!Array.isArray(list) || (kind !== 'set' && kind !== 'map')) return;
    const keys = described['x-kubernetes-list-map-keys'] ?? [];
    const seen = new Set<string>();
    for (const [index, item] of list.entries()) {
      const fields = asRecord(item);
      const identity = JSON.stringify(kind === 'set' ? item : keys.map((key) => fields?.[key]));
      const at = kind === 'set' ? [...place, index] : [...place, index, keys[0] ?? ''];
      const shown = JSON.stringify(kind === 'set' ? item : fields?.[keys[0] ?? '']);
      const fix = kind === 'set' ? 'remove one of them' : `give it another ${keys.join(' or ')}`;
      if (seen.has(identity)) found.push({ place: at, problem: `is ${shown}, which is in the list already`, fix });
      seen.add(identity);
    }
  });
  return found;
}

/** A rule that cannot be evaluated is a fault of its own only where the value fits the schema otherwise. */
function brokenRules(
  rules: RuleEvaluator,
  schema: StructuralSchema,
  value: unknown,
  found: readonly Mismatch[],
): Mismatch[] {
  const isExplained = ({ self, failed }: BrokenRule): boolean =>
    failed && found.some(({ place }) => self.every((step, index) => place[index] === step));
  return rules
    .evaluate(schema, value)
    .filter((broken) => !isExplained(broken))
    .map(({ place, message }) => mismatchOf(place, message));
}

/** "<field> <problem>; <fix>", as all messages in the CRDs read. A rule of the whole resource names its field alone. */
function mismatchOf(place: Place, message: string): Mismatch {
  const [statement = '', fix = 'compare it with docs/resources.md'] = message.split('; ');
  const [field = ''] = statement.split(' ');
  const problem = statement.slice(field.length + 1);
  return { place: place.length === 0 ? field.split('.') : place, problem, fix };
}
