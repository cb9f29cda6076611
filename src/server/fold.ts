import { ProxyError } from "../core/errors.ts";
import type { MessageEvent, MessageResponse } from "../protocol/anthropic.ts";
import { MessageFold } from "../protocol/message-fold.ts";

/** A whole message from its events. */
export async function foldMessage(events: AsyncIterable<MessageEvent>): Promise<MessageResponse> {
  const fold = new MessageFold();
  for await (const event of events) fold.add(event);
  const { message } = fold;
  if (!message) throw new ProxyError("api_error", "The backend gave no answer");
  return message;
}
