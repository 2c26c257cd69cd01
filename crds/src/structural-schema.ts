/** The part of a Kubernetes structural schema that Weir's resources use, and the places of values it describes. */

export interface ValidationRule {
  /** CEL, with `self` bound to the value. */
  readonly rule: string;
  /** `<field> <problem>; <fix>`. */
  readonly message: string;
  /** Where the fault lies below the value, e.g. ".aggregation.minSources". */
  readonly fieldPath?: string;
}

export interface StructuralSchema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly enum?: readonly string[];
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema;
  readonly items?: StructuralSchema;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** Keys and indexes from the root of a resource to a value. */
export type Place = readonly (string | number)[];

/** ["spec", "sources", 1, "exchange"] is "spec.sources[1].exchange"; the root is the empty text. */
export function formatPlace(place: Place): string {
  return place
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

export type Visit = (schema: StructuralSchema, value: unknown, place: Place) => void;

/** Visits every value that a schema describes, from the root down. Values of another type are not entered. */
export function visitValues(schema: StructuralSchema, value: unknown, visit: Visit, place: Place = []): void {
  visit(schema, value, place);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return;
    for (const [index, item] of value.entries()) visitValues(items, item, visit, [...place, index]);
    return;
  }
  for (const [name, member] of Object.entries(asRecord(value) ?? {})) {
    const described = schema.properties?.[name] ?? schema.additionalProperties;
    if (described !== undefined) visitValues(described, member, visit, [...place, name]);
  }
}

/** The fields of an object; `undefined` for lists, texts and the like. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  // What is parsed from YAML has text keys and unknown values, which is what the type says.
  return value as Readonly<Record<string, unknown>>;
}
