/** US dollars as integer micro-dollars: budgets and costs are added and compared exactly. */

const DOLLARS = /^\d{1,9}(?:\.\d{1,6})?$/;

/** "0.0001" is 100 micro-dollars; `undefined` for signs, exponents or more than six decimals. Always a safe integer. */
export function parseMicroDollars(text: string): number | undefined {
  if (!DOLLARS.test(text)) return undefined;
  const [whole = '0', fraction = ''] = text.split('.');
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

/** 5000000 is "5.00": at least two decimals, no more than needed. */
export function formatMicroDollars(micro: number): string {
  const fraction = (micro % 1_000_000)
    .toString()
    .padStart(6, '0')
    .replace(/0{1,4}$/, '');
  return `${Math.floor(micro / 1_000_000)}.${fraction}`;
}
