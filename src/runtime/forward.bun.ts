import type { Forward } from "./forward.ts";

/** Bytes stay as they were sent; no time limit, because a long thought is not an error. */
export const forward: Forward = (url, { body, ...init }) =>
  fetch(url, {
    ...init,
    ...(body ? { body } : {}),
    ...{ redirect: "manual", decompress: false, timeout: false },
  } as RequestInit);
