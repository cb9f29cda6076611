import type { ContentBlock, Message, MessagesRequest } from "../../src/protocol/anthropic.ts";
import { random } from "./support.ts";

const words = "the file read returns with every tool which you should use before a result of code"
  .split(" ");

export interface RequestShape {
  /** Makes it another question in the same conversation. */
  readonly number?: number;
  /** Makes it another conversation, with other instructions and tools. */
  readonly seed?: number;
  readonly tools?: number;
  /** Calls with their results, 3.3 KB each. */
  readonly turns?: number;
}

/**
 * A request of Claude Code's shape, about 150 KB: 15 KB of instructions, 25 tools with 60 KB of
 * schemas, and a conversation of calls and results.
 */
export function claudeRequest(
  { number = 0, seed = 7, tools = 25, turns = 20 }: RequestShape = {},
): MessagesRequest {
  const chance = random(seed);
  const text = (bytes: number) => {
    let made = "";
    // A line in ten words, as in code: what must be escaped costs more to read and write.
    while (made.length < bytes) {
      made += words[Math.floor(chance() * words.length)] + (chance() < 0.1 ? '";\n' : " ");
    }
    return made;
  };
  const block = (said: string) => ({ type: "text" as const, text: said });
  const messages: Message[] = [{ role: "user", content: [block(text(6000)), block(text(200))] }];
  for (let turn = 0; turn < turns; turn += 1) {
    const id = `toolu_${turn}`;
    const call: ContentBlock[] = [
      block(text(200)),
      { type: "tool_use", id, name: `Tool${turn % tools}`, input: { path: text(60), limit: turn } },
    ];
    messages.push({ role: "assistant", content: call }, {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: id, content: text(2900) }],
    });
  }
  messages.push({ role: "user", content: [block(`Question ${number}`)] });
  return {
    model: "claude-local",
    max_tokens: 32_000,
    stream: true,
    system: [block(text(1000)), block(text(14_000))],
    tools: Array.from({ length: tools }, (_, index) => ({
      name: `Tool${(index * 7) % tools}`,
      description: text(1400),
      input_schema: {
        type: "object",
        properties: Object.fromEntries(
          Array.from({ length: 8 }, (_, property) => [
            `property${property}`,
            { type: "string", description: text(80) },
          ]),
        ),
        required: ["property0"],
      },
    })),
    messages,
  };
}
