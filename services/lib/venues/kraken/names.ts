/**
 * Kraken's names of one market: the id that REST answers under ("XXBTZUSD"), its altname ("XBTUSD"), its `wsname` in
 * AssetPairs ("XBT/USD", the spelling of version 1), and the symbol of the version 2 socket ("BTC/USD").
 *
 * Version 2 writes two assets in everybody's code: BTC for XBT (Kraken's page "Spot WebSocket: v2 vs v1") and DOGE for XDG
 * (it refuses "XDG/USD" as unsupported: nautilus_trader issue 3960). No public call gives that mapping: `wsname` still has
 * the old codes, and so has the altname of both assets in `Assets`. All other codes are the same in both.
 */

const NEW_CODES: Readonly<Record<string, string>> = { XBT: 'BTC', XDG: 'DOGE' };
const OLD_CODES: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' };

/** Of "XBT" or "BTC". */
function newCode(code: string): string {
  return NEW_CODES[code] ?? code;
}

/** The symbol of the version 2 socket for a `wsname`; `undefined` when it is not two codes. */
export function socketSymbol(wsname: string): string | undefined {
  const [asset = '', quote = '', ...more] = wsname.split('/');
  return asset === '' || quote === '' || more.length > 0 ? undefined : `${newCode(asset)}/${newCode(quote)}`;
}

/** What REST may call a market of which only the symbol is known; the altname, which it takes as a question, is the first. */
export function likelyRestSymbols(symbol: string): readonly [string, ...string[]] {
  const [asset = '', quote = ''] = symbol.split('/').map((code) => OLD_CODES[code] ?? code);
  // Old assets have ids with a prefix: X for a coin, Z for a currency of a state.
  return [`${asset}${quote}`, `X${asset}Z${quote}`, `X${asset}X${quote}`, `${asset}Z${quote}`, `Z${asset}Z${quote}`];
}
