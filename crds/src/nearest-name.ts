/** Finds what somebody probably meant: the known name closest to a mistyped one. */

/** `undefined` when nothing is within two edits, or a third of the name. */
export function nearestName(typed: string, known: readonly string[]): string | undefined {
  const reach = Math.max(2, Math.floor(typed.length / 3));
  const ranked = known
    .map((name) => ({ name, edits: editDistance(typed.toLowerCase(), name.toLowerCase()) }))
    .filter(({ edits, name }) => edits <= reach && edits < name.length)
    .toSorted((a, b) => a.edits - b.edits);
  return ranked[0]?.name;
}

/** Insertions, deletions and substitutions that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let column = 0; column < to.length; column++) {
      const substituted = (row[column] ?? 0) + (from[index] === to[column] ? 0 : 1);
      next.push(Math.min(substituted, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
