import { ProxyError } from "../core/errors.ts";

export interface PassthroughOptions {
  /** Anthropic's address, or the one the user had set; without `/v1`. */
  readonly baseUrl: string;
  readonly fetch: (url: string, init: PassthroughInit) => Promise<Response>;
}

/** `decompress: false` is Bun's; where it is not known the body comes decoded. */
export type PassthroughInit = RequestInit & { readonly decompress: false; readonly duplex: "half" };

/** They describe one connection, not the request. */
const hopByHop = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "host"],
];

/** `claude` mode: bytes in, bytes out. Whatever Anthropic answers is the answer. */
export async function passThrough(
  request: Request,
  { baseUrl, fetch }: PassthroughOptions,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const abort = new AbortController();
  request.signal.addEventListener("abort", () => abort.abort(), { once: true });
  let upstream: Response;
  try {
    upstream = await fetch(baseUrl.replace(/\/+$/, "") + pathname + search, {
      method: request.method,
      headers: toUpstream(request.headers),
      body: request.body,
      redirect: "manual",
      signal: abort.signal,
      decompress: false,
      duplex: "half",
    });
  } catch (cause) {
    throw new ProxyError("api_error", "Cannot reach Anthropic", { cause });
  }
  return new Response(upstream.body, {
    status: upstream.status,
    statusText: upstream.statusText,
    headers: without(upstream.headers, hopByHop),
  });
}

/** Deno decodes what is compressed and keeps the header that says so; plain bytes need neither. */
function toUpstream(headers: Headers): Headers {
  const kept = without(headers, hopByHop);
  kept.set("accept-encoding", "identity");
  return kept;
}

function without(headers: Headers, names: readonly string[]): Headers {
  const kept = new Headers(headers);
  for (const name of names) kept.delete(name);
  return kept;
}
