/** How each venue says by REST that it is asked too often: some by a status, some by words in an answer of status 200. */
import type { RestAnswer } from './protocol.ts';

/** Until when: `seconds` from now, which is the venue's wall time. */
type Throttle = (seconds: number, nowMs: number) => RestAnswer;

const tooMany = (seconds: number, body: object): RestAnswer => ({
  status: 429,
  body: JSON.stringify(body),
  headers: { 'retry-after': String(seconds) },
});
const words = (body: object): RestAnswer => ({ status: 200, body: JSON.stringify(body) });

const THROTTLES: Readonly<Record<string, Throttle>> = {
  coinbase: (seconds) => tooMany(seconds, { message: 'Too many requests' }),
  kraken: (seconds, nowMs) =>
    words({
      error: [
        seconds === 0 ? 'EAPI:Rate limit exceeded' : `EService: Throttled: ${Math.ceil(nowMs / 1_000) + seconds}`,
      ],
    }),
  gemini: (seconds) => tooMany(seconds, { result: 'error', reason: 'RateLimited', message: 'Too many requests' }),
  gateio: (seconds) => tooMany(seconds, { label: 'TOO_MANY_REQUESTS', message: 'Request Rate limit Exceeded' }),
  bybit: (_seconds, nowMs) =>
    words({ retCode: 10_006, retMsg: 'Too many visits!', result: {}, retExtInfo: {}, time: Math.trunc(nowMs) }),
  okx: (seconds) => tooMany(seconds, { code: '50011', data: [], msg: 'Too Many Requests' }),
};

export function throttleRest(venue: string, seconds: number, nowMs: number): RestAnswer {
  return THROTTLES[venue]?.(seconds, nowMs) ?? tooMany(seconds, {});
}
