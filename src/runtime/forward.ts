/**
 * Sends a request on without following redirects. The body that comes back is what its
 * `content-encoding` says it is. Which file does it is chosen by `imports` in package.json.
 */
export type Forward = (url: string, init: ForwardInit) => Promise<Response>;

export interface ForwardInit {
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal;
}
