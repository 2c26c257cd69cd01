/**
 * One family of keys: a template such as `ratelimit:{<key_id>}`, from which TypeScript derives the parameter names.
 *
 * `<x>` is a parameter; braces are literal and are Valkey's hash tags. `key` is on hot paths and does not look at
 * its values: whatever reads them in checks them, by its own schema.
 */
import { parameters, type ParameterName } from './parameters.ts';

/** What the text names: a key, a pub/sub channel, a field of a hash or a member of a sorted set. */
export type Kind = 'key' | 'channel' | 'field' | 'member';

/** A process, or the library that acts for the process which calls it. */
export type Party =
  | 'all'
  | 'operator'
  | 'standalone'
  | 'feed'
  | 'price'
  | 'gateway'
  | 'sync'
  | 'report'
  | 'webhook'
  | 'console'
  | 'limiter'
  | 'limiter lib'
  | 'governor lib';

/** What `docs/keyspace.md` says of a family. */
export interface Row {
  /** Valkey type and what it holds. */
  readonly type: string;
  /** "none", "–" where the notion has no meaning, or how long and from when. */
  readonly ttl: string;
  /** The number that writers use, where one number says it all; `ttl` begins with it. */
  readonly ttlSeconds?: number;
  readonly writers: readonly Party[];
  readonly readers: readonly Party[];
  readonly notes: string;
}

type NamesIn<Template extends string> = Template extends `${string}<${infer Name}>${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

type Params<P extends string> = Readonly<Record<P, string>>;
type Arguments<P extends string> = [P] extends [never] ? [] : [params: Params<P>];

export interface KeyFamily<P extends string = string> extends Row {
  readonly kind: Kind;
  readonly template: string;
  readonly parameters: readonly ParameterName[];
  /** Builds the key; the values are taken as they are. One parameter costs one concatenation. */
  key(...params: Arguments<P>): string;
  /** The parameters of a key of this family; `undefined` for every other text. */
  parse(key: string): Params<P> | undefined;
}

/** A template whose parameters are all known; for another one, a type that no text has. */
type Known<Template extends string> = [NamesIn<Template>] extends [ParameterName] ? Template : never;

export function defineFamily<const T extends string, const R extends Row>(
  kind: Kind,
  template: T & Known<T>,
  row: R,
): KeyFamily<NamesIn<T>> & Readonly<Pick<R, keyof R & 'ttlSeconds'>> {
  // Odd pieces are parameter names: the type of `template` admits no other.
  const pieces = template.split(/[<>]/);
  const literals = pieces.filter((_, index) => index % 2 === 0);
  const names = pieces.filter((_, index) => index % 2 === 1) as ParameterName[];
  const build = builder(literals, names);
  const expression = anchoredExpression(literals, names);
  const family: KeyFamily<ParameterName> = {
    ...row,
    kind,
    template,
    parameters: names,
    key: build,
    parse(key) {
      const values = expression.exec(key)?.slice(1);
      if (values === undefined) return undefined;
      return Object.fromEntries(names.map((name, index) => [name, values[index]])) as Params<ParameterName>;
    },
  };
  // What is built at run time from `template` is what its type was derived from; the compiler cannot follow that.
  return family as unknown as ReturnType<typeof defineFamily<T, R>>;
}

type Build = (params: Params<ParameterName>) => string;

/** One and two parameters, which is nearly every family, are spelled out: no loop and no array on hot paths. */
function builder(literals: readonly string[], names: readonly ParameterName[]): Build {
  const [head = '', middle = '', tail = ''] = literals;
  const [first, second] = names;
  if (first === undefined) return () => head;
  if (second === undefined) return (params) => head + params[first] + middle;
  if (names.length === 2) return (params) => head + params[first] + middle + params[second] + tail;
  return (params) => names.reduce((key, name, index) => key + params[name] + literals[index + 1], head);
}

function anchoredExpression(literals: readonly string[], names: readonly ParameterName[]): RegExp {
  const quote = (literal: string): string => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const source = names.map((name, index) => `(${parameters[name].pattern})${quote(literals[index + 1] ?? '')}`);
  return new RegExp(`^${quote(literals[0] ?? '')}${source.join('')}$`);
}
