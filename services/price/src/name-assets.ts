/** From the list in a request to the assets that it names. */
import type { ProblemSource } from '@weir/http';
import { formatPair, parsePair } from '@weir/wire';
import type { Access } from './policy-directory.ts';

const ASSETS_MAX = 100;

/** In order, each once however it is spelled: "BTC-USD" is "BTC". */
export function namedAssets(list: string): readonly string[] {
  const names = list.split(',').map((name) => name.trim());
  const spelled = names.filter((name) => name !== '').map((name) => formatPairText(name));
  return [...new Set(spelled)];
}

/** The one spelling of a pair; a text that is none stays as it is and is answered with an error. */
function formatPairText(text: string): string {
  const pair = parsePair(text);
  return pair === undefined ? text : formatPair(pair);
}

/** What is wrong with the list as a whole. */
export function faultOf(assets: readonly string[], access: Access): ProblemSource | undefined {
  if (assets.length === 0) return { code: 'INVALID_REQUEST', detail: 'query assets: names no asset, such as BTC,ETH' };
  if (assets.length > ASSETS_MAX) {
    return {
      code: 'INVALID_REQUEST',
      detail: `The request names ${assets.length} assets; ask for at most ${ASSETS_MAX} at once.`,
    };
  }
  const burst = access.decide?.bucket.burst ?? Number.POSITIVE_INFINITY;
  if (assets.length <= burst || access.isDryRun) return undefined;
  return {
    code: 'INVALID_REQUEST',
    detail: `The request names ${assets.length} assets, and the limits of this key never admit more than ${burst} calls at once.`,
  };
}
