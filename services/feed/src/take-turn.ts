/** So many items of a list by turns: each turn begins where the one before it ended. Pure. */
export function takeTurn<T>(
  items: readonly T[],
  from: number,
  count: number,
): { readonly items: readonly T[]; readonly next: number } {
  if (count >= items.length) return { items, next: 0 };
  const start = from % items.length;
  const rest = items.slice(start, start + count);
  const next = (start + count) % items.length;
  return { items: rest.length === count ? rest : [...rest, ...items.slice(0, count - rest.length)], next };
}
