import type { Serve } from "./serve.ts";

/** What Anthropic takes at most, for files: less is refused by those who know why. */
const maxRequestBodySize = 500 * 1024 * 1024;

/** No idle timeout: Bun's default of 10 s would cut every prompt that takes longer to read. */
export const serve: Serve = ({ port, fetch }) => {
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port, idleTimeout: 0, maxRequestBodySize, fetch },
  });
  return Promise.resolve({
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: async () => await server.stop(true),
  });
};
