import type { MessagesRequest } from "../../../src/protocol/anthropic.ts";
import type { Running } from "./world.ts";

/** What `anyclaude serve --json` and `anyclaude server --json` print when they are ready. */
export interface Address {
  readonly url: string;
  readonly token: string;
}

/** Of a command that was started with `--json`. */
export async function addressOf({ firstLine }: Pick<Running, "firstLine">): Promise<Address> {
  return JSON.parse(await firstLine) as Address;
}

export function post(
  { url, token }: Address,
  request: MessagesRequest,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(request),
    ...(signal ? { signal } : {}),
  });
}

/** The events of a streamed answer, as far as they come. */
export async function* eventsOf(response: Response): AsyncGenerator<{ type: string }> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data: ")) yield JSON.parse(line.slice(6)) as { type: string };
    }
  }
}
