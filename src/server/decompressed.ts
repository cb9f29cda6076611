import { ProxyError } from "../core/errors.ts";

/** The request as it was before its body was compressed, which a client of the API may do. */
export function decompressed(request: Request): Request {
  const encoding = request.headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (encoding === "identity" || !request.body) return request;
  if (encoding !== "gzip" && encoding !== "deflate") {
    throw new ProxyError(
      "invalid_request_error",
      "content-encoding: Input should be 'gzip', 'deflate' or 'identity'",
    );
  }
  const plain = request.body.pipeThrough(new DecompressionStream(encoding));
  const { url, method, signal } = request;
  return new Request(url, { method, signal, body: sound(plain, encoding), ...{ duplex: "half" } });
}

/** The same chunks, pulled one by one; what cannot be decompressed is the client's mistake. */
function sound(plain: ReadableStream<Uint8Array>, encoding: string): ReadableStream<Uint8Array> {
  const reader = plain.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (cause) {
        controller.error(
          new ProxyError("invalid_request_error", `body: not valid ${encoding}`, { cause }),
        );
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
