/** Breaks a text in a few places, as a bad line or a bad programme would; seeded. */

export type Random = () => number;

const PUNCTUATION = ['"', '\\', '{', '}', '[', ']', ',', ':', '-', '.', '""', '\u0000', '\ud800'];
const VALUES = ['0', '-0', '1e309', '1e-400', 'null', 'true', 'NaN', '9'.repeat(40), '"price":"0.-10000"'];
const FRAGMENTS = [...PUNCTUATION, ...VALUES, '{"data":', '"last":', '"__proto__":{', '[['.repeat(200)];
const WORDS = ['""', '0', 'null', '"x"', '{}'];

export function mutate(original: string, random: Random): string {
  const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] ?? '';
  let text = original;
  for (let rounds = 1 + Math.floor(random() * 4); rounds > 0; rounds--) {
    const at = Math.floor(random() * text.length);
    const to = at + Math.floor(random() * 12);
    const kind = random();
    if (kind < 0.25) text = text.slice(0, at) + text.slice(to);
    else if (kind < 0.5) text = text.slice(0, at) + pick(FRAGMENTS) + text.slice(at);
    else if (kind < 0.7) text = text.slice(0, at) + text.slice(at, to) + text.slice(at);
    else if (kind < 0.8)
      text = text.slice(0, at) + String.fromCharCode(Math.floor(random() * 65_536)) + text.slice(at + 1);
    else if (kind < 0.9) text = text.replace(/\d+(?:\.\d+)?/g, (number) => (random() < 0.1 ? pick(FRAGMENTS) : number));
    else text = text.replace(/"[^"]*"/g, (word) => (random() < 0.1 ? pick(WORDS) : word));
  }
  return text;
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
