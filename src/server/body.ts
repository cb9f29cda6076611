import { ProxyError } from "../core/errors.ts";

const maxBodyBytes = 32 * 1024 * 1024;

/** The text of a request's body, bounded in size. */
export async function readText(request: Request): Promise<string> {
  const bytes = await readBytes(request).catch((cause: unknown) => {
    if (cause instanceof ProxyError) throw cause;
    throw new ProxyError("invalid_request_error", "body: broke off before its end", { cause });
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ProxyError("invalid_request_error", "body: not valid UTF-8", { cause });
  }
}

async function readBytes(request: Request): Promise<ArrayBuffer | Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? NaN);
  if (announced > maxBodyBytes) throw tooLarge();
  // In one piece where the size is known: five times as fast at 550 KB as piece by piece.
  if (announced >= 0) return await request.arrayBuffer();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): ProxyError {
  return new ProxyError("request_too_large", `body: larger than ${maxBodyBytes / 1024 / 1024} MB`);
}
