/** What is wrong with the symbols of a valid PriceFeed. In CEL this would exceed what a rule may cost in a cluster. */
import type { Mismatch } from './describe-mismatch.ts';
import type { PriceFeedSpec } from './generated/price-feed.ts';

/** A symbol stands for one asset of the feed; two would take each other's price. */
export function checkSymbols({ assets, sources }: PriceFeedSpec): readonly Mismatch[] {
  const declared = new Set(assets);
  return sources.flatMap(({ symbols = {} }, index) => {
    const owners = new Map<string, string>();
    const found: Mismatch[] = [];
    for (const [asset, symbol] of Object.entries(symbols)) {
      const place = ['spec', 'sources', index, 'symbols', asset];
      const owner = owners.get(symbol);
      if (owner === undefined) owners.set(symbol, asset);
      else {
        const problem = `is ${JSON.stringify(symbol)}, which is the symbol of ${owner} already`;
        found.push({ place, problem, fix: 'give each asset a symbol of its own' });
      }
      if (declared.has(asset)) continue;
      const fix = `add ${asset} to spec.assets or remove it here`;
      found.push({ place, problem: 'is of an asset that spec.assets does not hold', fix });
    }
    return found;
  });
}
