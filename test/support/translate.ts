import { toErrorBody } from "../../src/core/errors.ts";
import type { Observation } from "../../src/backend/backend.ts";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import { encodeSse } from "../../src/protocol/sse.ts";
import { question } from "./proxy.ts";
import { bytes, callOf, streamed, upstream } from "./upstream.ts";

interface TranslateOptions {
  readonly request?: MessagesRequest;
  readonly ours?: boolean;
  readonly observe?: (observation: Observation) => void;
  /** What the server answered to the same request before. */
  readonly before?: Response;
}

/** What a client would read if the server at the other end sent these pieces. */
export async function translate(
  pieces: readonly Uint8Array[],
  options: TranslateOptions = {},
): Promise<string> {
  return await translateResponse(bytes(pieces), options);
}

/** The same of chunks, each in a piece of its own. */
export async function translateChunks(
  chunks: readonly unknown[],
  options: TranslateOptions = {},
): Promise<string> {
  return await translateResponse(streamed(chunks, { done: false }), options);
}

export async function translateResponse(
  response: Response,
  { request = question, ours = false, observe = () => {}, before }: TranslateOptions = {},
): Promise<string> {
  const answers = before ? [before, response] : [response];
  const { backend } = upstream(() => answers.shift() ?? response, { ours });
  if (before) await Array.fromAsync(backend.stream(request, callOf()));
  let told = "";
  try {
    for await (const event of backend.stream(request, callOf({ observe }))) {
      told += encodeSse(event);
    }
  } catch (error) {
    told += encodeSse(toErrorBody(error));
  }
  return told;
}
