/**
 * Whether a live object already is what is desired: every member that is desired is there with that value. What others
 * have added (defaults of the server, an injected sidecar, a label) is none of our business. Pure.
 */
type Members = Readonly<Record<string, unknown>>;

export function matchesDesired(desired: unknown, live: unknown): boolean {
  if (Array.isArray(desired)) return Array.isArray(live) && matchesList(desired, live);
  if (!isMembers(desired)) return desired === live;
  if (!isMembers(live)) return false;
  return Object.entries(desired).every(([name, value]) => matchesDesired(value, live[name]));
}

/**
 * What the server makes of the desired members, such as "1" of "1000m": equal texts mean that nothing has moved since.
 * A list is taken whole.
 */
export function projectDesired(desired: unknown, live: unknown): unknown {
  if (!isMembers(desired) || !isMembers(live)) return live;
  return Object.fromEntries(Object.keys(desired).map((name) => [name, projectDesired(desired[name], live[name])]));
}

/** Lists of named things are sets, to which others may add; all others are to be exactly as desired. */
function matchesList(desired: readonly unknown[], live: readonly unknown[]): boolean {
  if (desired.length > 0 && desired.every(isNamed)) {
    const byName = new Map(live.filter(isNamed).map((item) => [item.name, item]));
    return desired.every((item) => matchesDesired(item, byName.get(item.name)));
  }
  return desired.length === live.length && desired.every((item, index) => matchesDesired(item, live[index]));
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is Members & { readonly name: string } {
  return isMembers(value) && typeof value['name'] === 'string';
}
