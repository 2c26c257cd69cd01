/**
 * Kraken's three names of one pair: the v2 symbol "BTC/USD", the altname "XBTUSD" and the id "XXBTZUSD".
 *
 * REST takes altname or id and answers under the id. Old pairs have a prefixed id, the others are named like their altname.
 */

/** Pairs with prefixed ids, by their old spelling (from AssetPairs). */
const PREFIXED = new Set(
  (
    'USDT/USD ETC/ETH ETC/XBT ETC/EUR ETC/USD ETH/XBT ETH/CAD ETH/EUR ETH/GBP ETH/JPY ETH/USD LTC/XBT LTC/EUR LTC/JPY ' +
    'LTC/USD MLN/ETH MLN/XBT MLN/EUR MLN/USD REP/ETH REP/XBT REP/EUR REP/USD XBT/CAD XBT/EUR XBT/GBP XBT/JPY XBT/USD ' +
    'XDG/XBT XLM/XBT XLM/AUD XLM/EUR XLM/GBP XLM/USD XMR/XBT XMR/EUR XMR/USD XRP/XBT XRP/CAD XRP/EUR XRP/JPY XRP/USD ' +
    'ZEC/XBT ZEC/EUR ZEC/USD EUR/USD GBP/USD USD/CAD USD/JPY'
  ).split(' '),
);
const FIAT = new Set(['USD', 'EUR', 'GBP', 'CAD', 'JPY', 'AUD']);
const OLD_CRYPTO = new Set(['ETC', 'ETH', 'LTC', 'MLN', 'REP', 'XBT', 'XDG', 'XLM', 'XMR', 'XRP', 'ZEC']);
const OLD_CODES: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' };

export interface KrakenNames {
  readonly id: string;
  readonly altname: string;
  readonly wsname: string;
  readonly base: string;
  readonly quote: string;
}

export function krakenSymbol(asset: string, quote: string): string {
  return `${asset}/${quote}`;
}

export function krakenNames(asset: string, quote: string): KrakenNames {
  const base = OLD_CODES[asset] ?? asset;
  const counter = OLD_CODES[quote] ?? quote;
  const wsname = `${base}/${counter}`;
  const altname = base + counter;
  const id = PREFIXED.has(wsname) ? prefixed(base) + prefixed(counter) : altname;
  return { id, altname, wsname, base: prefixed(base), quote: prefixed(counter) };
}

/** The v2 spelling of an old name such as "XBT/USD", which version 1 of the socket and `wsname` use. */
export function modernSymbol(wsname: string): string {
  const modern = (code: string): string => Object.keys(OLD_CODES).find((key) => OLD_CODES[key] === code) ?? code;
  return wsname.split('/').map(modern).join('/');
}

function prefixed(code: string): string {
  if (FIAT.has(code)) return `Z${code}`;
  return OLD_CRYPTO.has(code) ? `X${code}` : code;
}
