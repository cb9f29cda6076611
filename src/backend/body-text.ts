/** What is larger than this without being a stream is broken. */
const maxCharacters = 16 * 1024 * 1024;

/** The text of a body; of one that is too large, or has no end, only the beginning. */
export async function textOf(bytes: AsyncIterable<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of bytes ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxCharacters) break;
  }
  return text + decoder.decode();
}
