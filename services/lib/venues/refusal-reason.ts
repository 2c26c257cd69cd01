/** Reasons of refusals that no symbol is to blame for. */

const NO_SYMBOL = /channel|\brate\b|too many|exceeded|try again|unavailable|internal/i;

/** About a channel, a limit or the venue itself: asking for fewer symbols would not help, and none is at fault. */
export function isAboutConnection(reason: string): boolean {
  return NO_SYMBOL.test(reason);
}
