/** Sends a list in chunks, one a turn of the event loop; none waits for the answers to those before it. */

/** What `send` gives back of each chunk, in the order of the list. Rejects when one of them does. */
export async function sendChunks<T>(
  items: readonly T[],
  size: number,
  send: (chunk: readonly T[]) => Promise<readonly T[]>,
  nextTurn: (callback: () => void) => unknown = setImmediate,
): Promise<readonly T[]> {
  const sent: Promise<readonly T[]>[] = [];
  for (let from = 0; from < items.length; from += size) {
    if (from > 0) await new Promise<void>((resolve) => nextTurn(resolve));
    const answer = send(items.slice(from, from + size));
    // Heard of below; until then nobody listens, and a rejection that nobody hears ends the process.
    answer.catch(ignore);
    sent.push(answer);
  }
  return (await Promise.all(sent)).flat();
}

const ignore = (): void => undefined;
