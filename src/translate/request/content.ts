import type { ContentBlock } from "../../protocol/anthropic.ts";

/** Both forms of content as one. What is neither has no blocks: only the outermost are checked. */
export function blocksOf(content: unknown): readonly ContentBlock[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.filter(isBlock) : [];
}

function isBlock(value: unknown): value is ContentBlock {
  return typeof value === "object" && value !== null && "type" in value;
}
