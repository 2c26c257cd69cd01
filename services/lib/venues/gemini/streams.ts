/** Names of Gemini's streams, and the ids of its requests. */

/** Ids that are no number, so that an answer without a word of what it answers cannot be taken for another one. */
export const PING_ID = 'ping-';
export const LIST_ID = 'list-';
export const UNSUBSCRIBE_ID = 'unsubscribe-';

const CHANNELS = ['bookTicker', 'trade'];

/** Two of each symbol. */
export function streamsOf(symbols: readonly string[]): readonly string[] {
  return symbols.flatMap((symbol) => CHANNELS.map((channel) => `${symbol}@${channel}`));
}

export function symbolOfStream(stream: string): string {
  return stream.slice(0, Math.max(0, stream.indexOf('@'))).toLowerCase();
}

/** Symbols of which every stream is in the list: one without the other is to be subscribed again. */
export function symbolsWithStreams(streams: readonly string[]): readonly string[] {
  const listed = new Set(streams.map((stream) => stream.toLowerCase()));
  const symbols = new Set(streams.map(symbolOfStream));
  return [...symbols].filter((symbol) => streamsOf([symbol]).every((stream) => listed.has(stream.toLowerCase())));
}
