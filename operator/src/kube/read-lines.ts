/** The lines of a stream of bytes; characters may be cut anywhere. */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Kept apart until the line ends: joining with every chunk would copy a long line again and again.
  let parts: string[] = [];
  for await (const chunk of stream) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    parts.push(lines[0] ?? '');
    if (lines.length === 1) continue;
    yield parts.join('');
    yield* lines.slice(1, -1);
    parts = [lines.at(-1) ?? ''];
  }
}
