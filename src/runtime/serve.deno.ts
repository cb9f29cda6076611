import type { Serve } from "./serve.ts";

// Typed by hand: the type check runs without Deno's own types.
declare const Deno: {
  serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
    },
    fetch: (request: Request) => Response | Promise<Response>,
  ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
};

export const serve: Serve = ({ port, fetch }) => {
  const abort = new AbortController();
  const options = { hostname: "127.0.0.1", port, signal: abort.signal, onListen() {} };
  const server = Deno.serve(options, fetch);
  return Promise.resolve({
    url: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await server.finished;
    },
  });
};
