import { describe, test } from "node:test";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { isAlive } from "../../src/supervisor/child.ts";
import { addressOf, eventsOf, post } from "./support/messages.ts";
import { randomModel } from "./support/models.ts";
import { descendants } from "./support/processes.ts";
import { until } from "./support/until.ts";
import { createWorld } from "./support/world.ts";

const endless = {
  model: "endless",
  max_tokens: 20_000,
  stream: true,
  messages: [{ role: "user" as const, content: "Tell me a long story" }],
};

describe("a process that dies", () => {
  test("the MLX server in mid-answer: a retryable error, and the retry is answered", async () => {
    using world = createWorld();
    const { child, firstLine } = world.start([
      "serve",
      "--json",
      "--model",
      await randomModel("endless"),
    ]);
    const address = await addressOf({ firstLine });
    const events = eventsOf(await post(address, endless));
    await until(
      "some text",
      async () => (await events.next()).value?.type === "content_block_delta",
    );

    process.kill(mlxServer(child.pid!), "SIGKILL");

    const rest = await Array.fromAsync(events);
    assertEquals(rest.at(-1)?.type, "error");
    const retried = await until("an answer to the retry", async () => {
      const response = await post(address, { ...endless, max_tokens: 5, stream: false });
      assert([200, 529].includes(response.status), `status ${response.status}`);
      return response.ok && response;
    });
    assertEquals((await retried.json() as { type: string }).type, "message");
  });

  const moments = {
    "while it starts the server": /anyclaude_mlx/,
    "with claude at work": /\/claude .*-p Tell/,
  };
  for (const [moment, sign] of Object.entries(moments)) {
    test(`the launcher ${moment}: nothing of ours is left ten seconds later`, async () => {
      using world = createWorld();
      const model = await randomModel("endless");
      const { child } = world.start(["--model", model, "-p", "Tell me a long story"]);
      const family = await until(moment, () => {
        const all = descendants(child.pid!);
        return all.some(({ command }) => sign.test(command)) && all;
      }, { everyMs: 20 });

      child.kill("SIGKILL");

      assert(family.some(({ command }) => command.includes("anyclaude_mlx")));
      await until(
        "the end of all of them",
        () => !family.some(({ pid }) => isAlive(pid)),
        { seconds: 10 },
      );
    });
  }
});

function mlxServer(launcher: number): number {
  const server = descendants(launcher).find(({ command }) => command.includes("anyclaude_mlx"));
  if (!server) throw new Error("No MLX server runs");
  return server.pid;
}
