/** How each venue refuses a subscription as a whole, without a word about any symbol. */
import { readObject } from './protocol.ts';

type Request = Readonly<Record<string, unknown>>;

const REFUSALS: Readonly<Record<string, (request: Request) => object>> = {
  coinbase: () => ({ type: 'error', message: 'Failed to subscribe', reason: 'Too many subscriptions, rate limit' }),
  kraken: ({ method, req_id: id }) => ({ method, success: false, error: 'Exceeded msg rate', req_id: id }),
  gemini: ({ id }) => ({ id, status: 400, error: { code: -1003, msg: 'Rate limited' } }),
  gateio: ({ time, channel, event, payload, id }) => ({
    time,
    id,
    channel,
    event,
    payload,
    error: { code: 4, message: 'server busy, try again' },
    result: { status: 'fail' },
  }),
  bybit: ({ op, req_id: id }) => ({
    success: false,
    ret_msg: 'Too many requests',
    conn_id: 'simulated',
    req_id: id,
    op,
  }),
  okx: ({ id }) => ({ id, event: 'error', code: '60014', msg: 'Requests too frequent', connId: 'simulated' }),
};

/** As a word: not what ends a subscription. */
const SUBSCRIBE = /\bsubscribe$/i;

/** The venue's answer; `undefined` when the text asks for no subscription. */
export function refuseFrame(venue: string, text: string): string | undefined {
  const request = readObject(text);
  if (request === undefined) return undefined;
  const isSubscription = [request['type'], request['method'], request['event'], request['op']].some(
    (verb) => typeof verb === 'string' && SUBSCRIBE.test(verb),
  );
  const refusal = isSubscription ? REFUSALS[venue]?.(request) : undefined;
  return refusal && JSON.stringify(refusal);
}
