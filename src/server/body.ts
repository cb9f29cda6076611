import { ProxyError } from "../core/errors.ts";

const maxBodyBytes = 32 * 1024 * 1024;
/** Deeper than any tool's arguments, and far from the end of the stack. */
const maxDepth = 200;

/** The JSON of a request, bounded in size and depth. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (depthOf(text) > maxDepth) {
    throw new ProxyError("invalid_request_error", `body: nested more than ${maxDepth} levels deep`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ProxyError("invalid_request_error", "body: not valid JSON", { cause });
  }
}

async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  let text = "";
  try {
    for await (const chunk of request.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > maxBodyBytes) {
        throw new ProxyError(
          "request_too_large",
          `body: larger than ${maxBodyBytes / 1024 / 1024} MB`,
        );
      }
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (cause) {
    if (cause instanceof ProxyError) throw cause;
    throw new ProxyError("invalid_request_error", "body: not valid UTF-8", { cause });
  }
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inText = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === backslash) at += 1;
      else if (code === quote) inText = false;
    } else if (code === quote) inText = true;
    else if (code === openBrace || code === openBracket) deepest = Math.max(deepest, depth += 1);
    else if (code === closeBrace || code === closeBracket) depth -= 1;
  }
  return deepest;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [
  ...`"\\{}[]`,
].map((character) => character.charCodeAt(0));
