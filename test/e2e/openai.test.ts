import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { testPython } from "../support/test-python.ts";
import { tinyFloat32 } from "./support/models.ts";
import { until } from "./support/until.ts";
import { createWorld } from "./support/world.ts";

describe("a stock mlx_lm.server as backend", () => {
  let server: ChildProcess;
  let url: string;
  let model: string;

  before(async () => {
    model = await tinyFloat32();
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    server = spawn(
      await testPython(),
      ["-m", "mlx_lm", "server", "--model", model, "--port", String(port)],
      { stdio: "ignore", env: { ...process.env, HF_HUB_OFFLINE: "1" } },
    );
    await until("mlx_lm.server", () => fetch(`${url}/health`).then((r) => r.ok, () => false));
  });
  after(() => void server.kill());

  test("answers the real client in openai mode, with a tool call", async () => {
    using world = createWorld();

    const ran = await world.anyclaude([
      ...["--mode", "openai", "--base-url", `${url}/v1`, "--model", model],
      ...["--allowedTools", "Read", "-p", "read a.txt"],
    ]);

    assertEquals(ran.code, 0, ran.stderr);
    assertStringIncludes(ran.stdout, "hello from a");
    assertStringIncludes(ran.stderr, "Total Requests: 2");
  });

  test("answers at MLX_URL, and no server of ours is started", async () => {
    using world = createWorld();

    const ran = await world.anyclaude(
      ["--model", model, "--allowedTools", "Read", "-p", "read a.txt"],
      { MLX_URL: url },
    );

    assertEquals(ran.code, 0, ran.stderr);
    assertStringIncludes(ran.stdout, "hello from a");
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
