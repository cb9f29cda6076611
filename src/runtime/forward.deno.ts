import type { Forward } from "./forward.ts";

/** Deno decodes a compressed body and keeps the header that says it is one: so none is asked for. */
export const forward: Forward = (url, { body, headers, ...init }) => {
  const plain = new Headers(headers);
  plain.set("accept-encoding", "identity");
  return fetch(url, {
    ...init,
    headers: plain,
    ...(body ? { body } : {}),
    redirect: "manual",
  });
};
