import type { Serve } from "./serve.ts";

/** No idle timeout: Bun's default of 10 s would cut every prompt that takes longer to read. */
export const serve: Serve = ({ port, fetch }) => {
  const server = Bun.serve({ hostname: "127.0.0.1", port, idleTimeout: 0, fetch });
  return Promise.resolve({
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: async () => await server.stop(true),
  });
};
