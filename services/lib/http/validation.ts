/** Faults that a route's schema found, as sentences that name the field and the way out. */
import type { FastifySchemaValidationError } from 'fastify';

export interface FieldFault {
  /** Where the field is: query, path, header or body. */
  readonly in: string;
  readonly field: string;
  readonly problem: string;
  readonly fix: string;
}

const PLACES: Readonly<Record<string, string>> = { querystring: 'query', params: 'path', headers: 'header' };

/** `context` is Fastify's name of the place: querystring, params, headers or body. */
export function fieldFaults(context: string, errors: readonly FastifySchemaValidationError[]): FieldFault[] {
  const place = PLACES[context] ?? context;
  const faults = errors.map((error) => {
    const field = fieldName(error);
    return { in: place, field, problem: error.message ?? 'is not valid', fix: fixOf(place, field, error) };
  });
  return faults.filter((fault, index) => faults.findIndex(({ field }) => field === fault.field) === index);
}

export function describeFaults(faults: readonly FieldFault[]): string {
  return faults.map(({ in: place, field, problem }) => `${place} ${field}: ${problem}`).join('; ');
}

function textParam({ params }: FastifySchemaValidationError, name: string): string | undefined {
  const value = params[name];
  return typeof value === 'string' ? value : undefined;
}

function fieldName(error: FastifySchemaValidationError): string {
  const path = error.instancePath.split('/').slice(1);
  const last = textParam(error, 'missingProperty') ?? textParam(error, 'additionalProperty');
  const parts = last === undefined ? path : [...path, last];
  return parts.length === 0 ? '(whole)' : parts.join('.');
}

function fixOf(place: string, field: string, error: FastifySchemaValidationError): string {
  if (error.keyword === 'required') return `Add ${field} to the ${place}.${hintOf(error, field)}`;
  if (error.keyword === 'additionalProperties') return `Remove ${field}: the ${place} has no such field.`;
  const { allowedValues } = error.params;
  if (Array.isArray(allowedValues)) return `Use one of ${allowedValues.join(', ')}.`;
  return `Change ${field}.${hintOf(error)}`;
}

/** The schema's own words about the field; Ajv hands them over since it runs verbosely. */
function hintOf(error: FastifySchemaValidationError, property?: string): string {
  const schema = recordOf(recordOf(error)?.['parentSchema']);
  const described = property === undefined ? schema : recordOf(recordOf(schema?.['properties'])?.[property]);
  const description = described?.['description'];
  return typeof description === 'string' ? ` It is: ${description}` : '';
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // Narrowed to an object just before; its members stay unknown.
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
}
