import { toErrorBody } from "../../src/core/errors.ts";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import { encodeSse } from "../../src/protocol/sse.ts";
import { bytes, upstream } from "./upstream.ts";
import { question } from "./proxy.ts";

/** What a client would read if the server at the other end sent these pieces. */
export async function translate(
  pieces: readonly Uint8Array[],
  { request = question as MessagesRequest, ours = false } = {},
): Promise<string> {
  const { backend } = upstream(() => bytes(pieces), { ours });
  const origin = { session: undefined, agent: undefined, requestClass: undefined };
  const call = { signal: new AbortController().signal, origin, isFresh: false, observe() {} };
  let told = "";
  try {
    for await (const event of backend.stream(request, call)) told += encodeSse(event);
  } catch (error) {
    told += encodeSse(toErrorBody(error));
  }
  return told;
}

/** The same bytes, cut into pieces of these sizes over and over. */
export function cut(whole: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < whole.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(whole.slice(at, at + size));
    at += size;
  }
  return pieces;
}
