/** All prices of an answer at once, for tests that compare them. */
import type { Instrument, RestAnswer, RestPrice, RestResponse, VenueRest } from '../index.ts';

export function readPrices(
  rest: VenueRest,
  response: RestResponse,
  instruments: readonly Instrument[],
): RestAnswer<readonly RestPrice[]> {
  const answer = rest.decodePrices(response, instruments);
  return answer.kind === 'ok' ? { kind: 'ok', value: [...answer.value] } : answer;
}
