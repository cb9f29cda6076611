import { ProxyError } from "../core/errors.ts";

const maxBodyBytes = 32 * 1024 * 1024;

/** The text of a request's body, bounded in size. */
export async function readText(request: Request): Promise<string> {
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
