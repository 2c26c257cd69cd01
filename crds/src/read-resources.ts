/** YAML in, valid resources with their defaults out, or every fault of the file at once, each with its line. */
import { isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node } from 'yaml';
import { checkSymbols } from './check-symbols.ts';
import { createValueCheck, type ValueCheck } from './check-value.ts';
import { apiKeyPolicySchema, type ApiKeyPolicy } from './generated/api-key-policy.ts';
import { priceFeedSchema, type PriceFeed } from './generated/price-feed.ts';
import { nearestName } from './nearest-name.ts';
import { ResourceError, type ResourceFault } from './resource-fault.ts';
import { asRecord, formatPlace, type Place, type StructuralSchema } from './structural-schema.ts';

export type Resource = PriceFeed | ApiKeyPolicy;

/** A resource and where it was read. */
export interface LocatedResource {
  readonly resource: Resource;
  readonly file: string;
  readonly line: number;
  /** Of a field; of the nearest thing above it when the text has none such. */
  readonly lineAt: (place: Place) => number;
}

export interface ReadResult {
  readonly resources: readonly LocatedResource[];
  readonly faults: readonly ResourceFault[];
}

/** Compiles the schemas once, for many files. */
export interface ResourceReader {
  read(yamlText: string, file: string): ReadResult;
}

const API_VERSION = 'weir.dev/v1alpha1';

/** What an API server fills in itself: a file that was exported from one holds it, and it means nothing here. */
const SERVER_OWNED = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

const texts: StructuralSchema = { type: 'object', additionalProperties: { type: 'string' } };
const metadata: StructuralSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 253,
      pattern: '^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$',
      example: 'majors',
    },
    namespace: {
      type: 'string',
      default: 'default',
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      example: 'default',
    },
    labels: texts,
    annotations: texts,
  },
};

export function createResourceReader(): ResourceReader {
  const checks = new Map<string, ValueCheck>([
    ['PriceFeed', createPriceFeedCheck()],
    ['ApiKeyPolicy', createValueCheck(withMetadata(apiKeyPolicySchema))],
  ]);
  return {
    read: (yamlText, file) => {
      const lines = new LineCounter();
      const resources: LocatedResource[] = [];
      const faults: ResourceFault[] = [];
      for (const document of parseDocuments(yamlText, lines)) {
        const outcome = readDocument(document, checks, (offset) => lines.linePos(offset).line);
        faults.push(...outcome.faults.map((fault) => ({ file, ...fault })));
        if (outcome.resource === undefined) continue;
        const { resource, line } = outcome;
        const lineAt = (place: Place): number =>
          lineOf(document, place, (offset) => lines.linePos(offset).line) ?? line;
        resources.push({ resource, file, line, lineAt });
      }
      return { resources, faults };
    },
  };
}

/** As `createResourceReader` for one file; throws ResourceError with every fault. */
export function readResources(yamlText: string, source: string): readonly Resource[] {
  const { resources, faults } = createResourceReader().read(yamlText, source);
  if (faults.length > 0) throw new ResourceError(faults);
  return resources.map(({ resource }) => resource);
}

/**
 * YAML 1.1, which kubectl reads: NO is a truth value there, so an asset of that name needs quotes here too. Times stay
 * texts, and 1:30 is no number, as in kubectl.
 */
function parseDocuments(text: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  const parsed = parseAllDocuments(text, {
    lineCounter,
    version: '1.1',
    prettyErrors: false,
    customTags: (tags) =>
      tags.filter(
        (tag) => typeof tag === 'string' || (!['TIME'].includes(tag.format ?? '') && !tag.tag.endsWith(':timestamp')),
      ),
  });
  return Array.isArray(parsed) ? parsed : [];
}

type Fault = Omit<ResourceFault, 'file'>;

interface DocumentOutcome {
  readonly resource?: Resource;
  readonly line: number;
  readonly faults: readonly Fault[];
}

function readDocument(
  document: Document.Parsed,
  checks: ReadonlyMap<string, ValueCheck>,
  lineAt: (offset: number) => number,
): DocumentOutcome {
  const line = lineAt(document.contents?.range[0] ?? document.range[0]);
  if (document.errors.length > 0) {
    const fix = 'correct the YAML; indentation by blanks, one key once';
    const faults = document.errors.map(({ message, pos }) => {
      return { line: lineAt(pos[0]), path: '', problem: `is not YAML: ${message}`, fix };
    });
    return { line, faults };
  }
  const value: unknown = document.toJS();
  // A file of comments, or the empty end of one, is no resource and no fault.
  if (value === null) return { line, faults: [] };
  const fields = asRecord(value);
  const unreadable = headerFault(fields, [...checks.keys()]);
  const check = checks.get(String(fields?.['kind']));
  if (unreadable !== undefined || check === undefined || fields === undefined) {
    const fault = unreadable ?? {
      path: '',
      problem: 'is not a resource',
      fix: 'write apiVersion, kind, metadata, spec',
    };
    return { line, faults: [{ line: lineOf(document, [fault.path], lineAt) ?? line, ...fault }] };
  }
  const subject = withoutServerFields(fields);
  const located = check(subject).map(({ place, problem, fix }) => {
    return { line: lineOf(document, place, lineAt) ?? line, path: formatPlace(place), problem, fix };
  });
  const faults = located.toSorted((a, b) => a.line - b.line);
  // The check has just held it against the schema that the type is generated from.
  return faults.length > 0 ? { line, faults } : { line, faults, resource: subject as unknown as Resource };
}

function headerFault(
  fields: Readonly<Record<string, unknown>> | undefined,
  kinds: readonly string[],
): Fault | undefined {
  if (fields === undefined) {
    return { path: '', problem: 'is not a resource', fix: 'write apiVersion, kind, metadata and spec' };
  }
  const { apiVersion, kind } = fields;
  if (typeof kind !== 'string' || !kinds.includes(kind)) {
    const meant = nearestName(String(kind), kinds);
    const problem =
      kind === undefined ? 'is missing' : `is ${JSON.stringify(kind)}, which is not one of ${kinds.join(', ')}`;
    return { path: 'kind', problem, fix: `write ${meant ?? kinds.join(' or ')}` };
  }
  if (apiVersion === API_VERSION) return undefined;
  const problem = apiVersion === undefined ? 'is missing' : `is ${JSON.stringify(apiVersion)}`;
  return { path: 'apiVersion', problem, fix: `write ${API_VERSION}` };
}

function createPriceFeedCheck(): ValueCheck {
  const check = createValueCheck(withMetadata(priceFeedSchema));
  return (value) => {
    const found = check(value);
    // The check has just held it against the schema that the type is generated from.
    return found.length > 0 ? found : checkSymbols((value as PriceFeed).spec);
  };
}

function withMetadata(schema: StructuralSchema): StructuralSchema {
  const text: StructuralSchema = { type: 'string' };
  return {
    ...schema,
    required: ['metadata', ...(schema.required ?? [])],
    properties: { apiVersion: text, kind: text, metadata, ...schema.properties },
  };
}

/** Status is the server's too: whatever a file says of it, a new object starts without. */
function withoutServerFields({ status: _, ...fields }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const meta = asRecord(fields['metadata']);
  if (meta === undefined) return fields;
  const own = Object.entries(meta).filter(([name]) => !SERVER_OWNED.includes(name));
  return { ...fields, metadata: Object.fromEntries(own) };
}

/** The line of a value's key; of the nearest thing above it when it is missing. */
function lineOf(document: Document.Parsed, place: Place, lineAt: (offset: number) => number): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (const step of place) {
    const next = memberOf(node, step);
    if (next === undefined) break;
    offset = next.offset ?? offset;
    node = next.node;
  }
  return offset === undefined ? undefined : lineAt(offset);
}

function memberOf(node: unknown, step: string | number): { offset: number | undefined; node: unknown } | undefined {
  if (isSeq<Node>(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined ? undefined : { offset: item.range?.[0], node: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step));
  return isScalar(pair?.key) ? { offset: pair.key.range?.[0], node: pair.value } : undefined;
}
