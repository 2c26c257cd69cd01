/**
 * Evaluates the CEL rules of a schema on a value, as the API server does.
 *
 * Rules keep to what Kubernetes and this evaluator agree on: comparison, `in`, `size`, `has`, `all`, `exists_one`,
 * `duration`, and of Kubernetes' own library `isURL` and `url(..).getScheme()`, which are supplied here.
 */
import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { asRecord, visitValues, type Place, type StructuralSchema, type ValidationRule } from './structural-schema.ts';

export interface BrokenRule {
  /** Of the value that the rule judges. */
  readonly self: Place;
  /** Of what is to be changed. */
  readonly place: Place;
  /** The rule's message. */
  readonly message: string;
  /** The rule could not be evaluated, as when a text that must be a duration is none. */
  readonly failed: boolean;
}

export interface RuleEvaluator {
  evaluate(schema: StructuralSchema, value: unknown): readonly BrokenRule[];
}

/** What `url()` gives in a rule. */
class KubernetesUrl {
  readonly address: URL;

  constructor(text: string) {
    this.address = new URL(text);
  }
}

export function createRuleEvaluator(): RuleEvaluator {
  const environment = new Environment()
    .registerVariable('self', 'dyn')
    .registerType('kubernetes.URL', KubernetesUrl)
    .registerFunction('isURL(string): bool', (text: string) => URL.canParse(text))
    .registerFunction('url(string): kubernetes.URL', (text: string) => new KubernetesUrl(text))
    .registerFunction('kubernetes.URL.getScheme(): string', ({ address }: KubernetesUrl) =>
      address.protocol.slice(0, -1),
    );
  const parsed = new Map<string, ParseResult>();
  const parse = (rule: string): ParseResult => {
    const known = parsed.get(rule) ?? environment.parse(rule);
    parsed.set(rule, known);
    return known;
  };
  return {
    evaluate: (schema, value) => {
      const broken: BrokenRule[] = [];
      visitValues(schema, value, (described, member, place) => {
        const self = asCelValue(described, member);
        for (const rule of described['x-kubernetes-validations'] ?? []) {
          const verdict = judge(parse(rule.rule), self);
          if (verdict === 'holds') continue;
          const { message } = rule;
          broken.push({ self: place, place: placeOf(place, rule), message, failed: verdict === 'fails' });
        }
      });
      return broken;
    },
  };
}

function judge(rule: ParseResult, self: unknown): 'holds' | 'broken' | 'fails' {
  try {
    return rule({ self }) === true ? 'holds' : 'broken';
  } catch {
    return 'fails';
  }
}

function placeOf(place: Place, { fieldPath }: ValidationRule): Place {
  return fieldPath === undefined ? place : [...place, ...fieldPath.split('.').filter((step) => step !== '')];
}

/** CEL tells integers from floating point numbers; JavaScript writes its integers as BigInt. */
function asCelValue(schema: StructuralSchema, value: unknown): unknown {
  if (schema.type === 'integer') return Number.isInteger(value) ? BigInt(Number(value)) : value;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => asCelValue(items, item));
  }
  const record = asRecord(value);
  if (record === undefined) return value;
  const entries = Object.entries(record).map(([name, member]) => {
    const described = schema.properties?.[name] ?? schema.additionalProperties;
    return [name, described === undefined ? member : asCelValue(described, member)];
  });
  return Object.fromEntries(entries);
}
