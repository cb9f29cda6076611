import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { describe, test } from "node:test";
import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import type {
  AnswerBlock,
  Message,
  MessageResponse,
  MessagesRequest,
} from "../../src/protocol/anthropic.ts";
import { testPython } from "../support/test-python.ts";
import { type Address, addressOf, post } from "./support/messages.ts";
import { randomModel } from "./support/models.ts";
import { until } from "./support/until.ts";
import { createWorld, root, type World } from "./support/world.ts";

const turns = 6;
const question: MessagesRequest = {
  model: "full",
  max_tokens: 60,
  temperature: 0,
  system: "You are a careful assistant. ".repeat(60),
  tools: ["Bash", "Read", "Write"].map((name) => ({
    name,
    description: `Use ${name} for what its name says. `.repeat(10),
    input_schema: { type: "object", properties: { file_path: { type: "string" } } },
  })),
  messages: [{ role: "user", content: "Read a.txt and tell me what is in it" }],
};

describe("a tool loop on a full-attention model", () => {
  test("prefills only new tokens from the second turn on, and answers as without a cache", async () => {
    using world = createWorld();
    const model = await randomModel("full");
    const serve = (env: Record<string, string> = {}) => serving(world, model, env);

    const warm = await converse(await serve());
    using bare = await bareServer(model);
    const cold = await converse(await serve({ MLX_URL: bare.url }));

    assertEquals(warm.map(withoutIds), cold.map(withoutIds));
    assert(warm.some(({ stop_reason }) => stop_reason === "tool_use"), "no turn called a tool");
    assertEquals(cold.map(({ usage }) => usage.cache_read_input_tokens), warm.map(() => 0));
    for (const [turn, { usage }] of warm.entries()) {
      const previous = warm[turn - 1];
      if (!previous) continue;
      // All of the last prompt, and of the answer all but its last token, which was never fed.
      const known = promptTokens(previous) + previous.usage.output_tokens - 1;
      assert(
        usage.cache_read_input_tokens >= known,
        `turn ${turn}: ${usage.cache_read_input_tokens} of ${known} known tokens were reused`,
      );
    }
  });
});

async function serving(world: World, model: string, env: Record<string, string>): Promise<Address> {
  return await addressOf(world.start(["serve", "--json", "--fresh", "--model", model], env));
}

/** Answers every turn as Claude Code would: a result for each call, else another question. */
async function converse(address: Address): Promise<readonly MessageResponse[]> {
  const answers: MessageResponse[] = [];
  const messages: Message[] = [...question.messages];
  for (let turn = 0; turn < turns; turn += 1) {
    const response = await post(address, { ...question, messages });
    const answer = await response.json() as MessageResponse;
    assertEquals(response.status, 200, JSON.stringify(answer));
    answers.push(answer);
    messages.push({ role: "assistant", content: answer.content }, reply(answer.content, turn));
  }
  return answers;
}

function reply(content: readonly AnswerBlock[], turn: number): Message {
  const results = content.flatMap((block) =>
    block.type === "tool_use"
      ? [{ type: "tool_result" as const, tool_use_id: block.id, content: `result ${turn}` }]
      : []
  );
  return { role: "user", content: results.length > 0 ? results : `And then? ${turn}` };
}

function withoutIds({ content, stop_reason }: MessageResponse) {
  return {
    stop_reason,
    content: content.map((block) => block.type === "tool_use" ? { ...block, id: "" } : block),
  };
}

function promptTokens({ usage }: MessageResponse): number {
  return usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
}

/** Our server without its prefix cache, started by hand. */
async function bareServer(model: string): Promise<{ readonly url: string } & Disposable> {
  const server: ChildProcess = spawn(
    await testPython(),
    ["-m", "anyclaude_mlx", "--model", model, "--no-prefix-cache"],
    {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, PYTHONPATH: join(root, "python") },
    },
  );
  let said = "";
  server.stdout?.setEncoding("utf8").on("data", (text: string) => said += text);
  const { url } = await until("its address", () =>
    said.includes("\n") && JSON.parse(said) as {
      url: string;
    });
  await until("the model", async () => {
    const health = await (await fetch(`${url}/health`)).json() as { status: string };
    return health.status === "ready";
  });
  return { url, [Symbol.dispose]: () => void server.kill() };
}
