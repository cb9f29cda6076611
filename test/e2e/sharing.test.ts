import { describe, test } from "node:test";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isAlive } from "../../src/supervisor/child.ts";
import { type Address, addressOf, post } from "./support/messages.ts";
import { randomModel } from "./support/models.ts";
import { serversOf, untilServersEnded } from "./support/processes.ts";
import { summed } from "./support/summary.ts";
import { until } from "./support/until.ts";
import { createWorld, type Ran, type Running, type World } from "./support/world.ts";

/** Instructions and tools of the real client, in tokens of the tiny model; at least. */
const instructions = 15_000;

describe("a shared MLX server", () => {
  test("reads the instructions of two terminals once, also when they start together", async () => {
    using world = createWorld();
    const seen = new Set<number>();
    const both = [read(world, "a.txt"), read(world, "b.txt")];
    const ended = Promise.all(both.map(({ exited }) => exited));

    const [first, second] = await watching(
      ended,
      () => serversOf(world).forEach((pid) => seen.add(pid)),
    );

    assertAnswers(first, "hello from a");
    assertAnswers(second, "hello from b");
    assertEquals(seen.size, 1);
    const tokens = computedTokens(first!) + computedTokens(second!);
    assert(tokens < 1.5 * instructions, first!.stderr + second!.stderr);
    await untilServersEnded(world);
  });

  test("stays warm for the next terminal, and ends itself when none comes", async () => {
    using world = createWorld({ serverWarmSeconds: 6, prefixDiskGigabytes: 0 });
    const first = await read(world, "a.txt").exited;
    const [server] = serversOf(world);
    const second = await read(world, "b.txt").exited;
    const stayed = serversOf(world);
    const leftAt = Date.now();
    await untilServersEnded(world);

    assertAnswers(first, "hello from a");
    assertAnswers(second, "hello from b");
    assertEquals(stayed, [server!]);
    assert(computedTokens(second) < 1500, second.stderr);
    assert(Date.now() - leftAt > 4000, `ended after ${Date.now() - leftAt} ms`);
  });

  test("has in memory what a project begins with before anything is asked", async () => {
    using world = createWorld();
    await read(world, "a.txt").exited;
    await untilServersEnded(world);
    // A client whose user has not said anything yet.
    writeFileSync(join(world.home, "claude"), "#!/bin/sh\nexec sleep 30\n", { mode: 0o755 });
    const env = { PATH: [world.home, world.env["PATH"]].join(delimiter) };
    const running = world.start(["--model", "tiny"], env);

    const found = await until("the instructions in memory", async () => {
      const tokens = await tokensInMemory(world);
      return tokens > instructions && tokens;
    });
    await running.end();

    assert(found < 1.5 * instructions, `${found} tokens`);
  });

  test("outlives the kill of whoever started it, and is started again without that one", async () => {
    using world = createWorld();
    const starter = serve(world);
    await starter.firstLine;
    const other = await addressOf(serve(world));
    const [server] = serversOf(world);

    starter.child.kill("SIGKILL");
    await starter.exited;
    const answered = await ask(other);
    const stayed = serversOf(world);
    process.kill(server!, "SIGKILL");
    await until("an answer", async () => await ask(other) === 200);

    assertEquals([answered, stayed], [200, [server]]);
    const now = serversOf(world);
    assertEquals([now.length, now.includes(server!)], [1, false]);
  });

  test("killed under two terminals is started again once, and both go on", async () => {
    using world = createWorld();
    const both = [read(world, "a.txt"), read(world, "b.txt")];
    const ended = Promise.all(both.map(({ exited }) => exited));
    await until("both at work", async () => await active(world) === 2, { everyMs: 20 });
    const [server] = serversOf(world);
    const seen = new Set<number>();

    process.kill(server!, "SIGKILL");
    const [first, second] = await watching(
      ended,
      () => serversOf(world).forEach((pid) => seen.add(pid)),
    );

    assertAnswers(first, "hello from a");
    assertAnswers(second, "hello from b");
    seen.delete(server!);
    assertEquals(seen.size, 1);
    await untilServersEnded(world);
  });

  test("that dies again and again is given up by both, with its last words and advice", async () => {
    using world = createWorld();
    const both = await Promise.all([serve(world), serve(world)].map(addressOf));

    const refused = both.map((address) =>
      until("a final error", async () => {
        for (const pid of serversOf(world)) process.kill(pid, "SIGKILL");
        const response = await send(address);
        const text = await response.text();
        return response.headers.get("x-should-retry") === "false" && text;
      })
    );

    for (const text of await Promise.all(refused)) {
      assertMatch(text, /it was (killed|gone) 6 times in a row. Start anyclaude again/);
      assertStringIncludes(text, "http://127.0.0.1:");
    }
  });

  test("is one for four that start at the same moment", async () => {
    using world = createWorld();
    const all = [serve(world), serve(world), serve(world), serve(world)];

    const addresses = await Promise.all(all.map(addressOf));

    assertEquals(await Promise.all(addresses.map(ask)), [200, 200, 200, 200]);
    assertEquals(serversOf(world).length, 1);
  });

  test("is not that of anyclaude server, which is where it was wanted and ends with it", async () => {
    using world = createWorld({ serverWarmSeconds: 60 });
    const own = world.start(["server", "--json", "--model", "tiny"], {
      ANYCLAUDE_SERVER_TOKEN: "chosen",
    });
    const { url, token } = await addressOf(own);
    const [server] = serversOf(world);
    const headers = { authorization: "Bearer chosen" };
    const { ok } = await fetch(`${url}/v1/models`, { headers });
    const registered = readdirSync(serversFolder(world)).filter((name) => name.endsWith(".json"));

    const { code } = await own.end();

    assertEquals([ok, token, code], [true, "chosen", 0]);
    assertEquals(registered, []);
    assert(server !== undefined && !isAlive(server), "the server is left");
  });

  test("is not shared by another model", async () => {
    using world = createWorld();
    await serve(world).firstLine;

    await serve(world, await randomModel("full")).firstLine;

    assertEquals(serversOf(world).length, 2);
  });

  test("is replaced when somebody else has its port, who is left alone", async () => {
    using world = createWorld();
    const before = serve(world);
    await before.firstLine;
    const [server] = serversOf(world);
    before.child.kill("SIGKILL");
    await untilServersEnded(world);
    using foreign = await foreignServer(Number(new URL(String(entryOf(world)["url"])).port));

    const status = await ask(await addressOf(serve(world)));

    assertEquals(status, 200);
    assert(foreign.asked.length > 0, "was not asked at all");
    assertEquals(
      foreign.asked.map(({ authorization }) => authorization),
      foreign.asked.map(() => undefined),
    );
    assert(entryOf(world)["pid"] !== server);
  });

  test("is started anew when the registry is damaged", async () => {
    using world = createWorld();
    const before = await addressOf(serve(world));
    writeFileSync(entryPath(world), "{");

    const after = await addressOf(serve(world));

    assertEquals([await ask(before), await ask(after)], [200, 200]);
    assertEquals(serversOf(world).length, 2);
  });
});

function read(world: World, file: string): Running {
  writeFileSync(join(world.project, "b.txt"), "hello from b\n");
  return world.start([
    "--model",
    "tiny",
    "--fresh",
    "--allowedTools",
    "Read",
    "-p",
    `read ${file}`,
  ]);
}

function serve(world: World, model = "tiny"): Running {
  return world.start(["serve", "--json", "--fresh", "--model", model]);
}

function send(address: Address): Promise<Response> {
  const messages = [{ role: "user" as const, content: "hi" }];
  return post(address, { model: "tiny", max_tokens: 20, messages });
}

/** The status of an answer. */
async function ask(address: Address): Promise<number> {
  const response = await send(address);
  await response.text();
  return response.status;
}

async function watching<T>(ended: Promise<T>, look: () => void): Promise<T> {
  let isOver = false;
  void ended.finally(() => isOver = true);
  while (!isOver) {
    look();
    await delay(100);
  }
  return await ended;
}

function assertAnswers(ran: Ran | undefined, said: string): void {
  assertEquals(ran?.code, 0, ran?.stderr);
  assertStringIncludes(ran?.stdout ?? "", said);
}

function computedTokens(ran: Ran): number {
  return summed(ran, "Cache Creation Tokens");
}

function serversFolder({ state }: World): string {
  return join(state, "servers");
}

function entryPath(world: World): string {
  const folder = serversFolder(world);
  const [name = ""] = readdirSync(folder).filter((each) => each.endsWith(".json"));
  return join(folder, name);
}

function entryOf(world: World): Record<string, unknown> {
  return JSON.parse(readFileSync(entryPath(world), "utf8")) as Record<string, unknown>;
}

/** How many requests the server works on; undefined while there is none. */
async function active(world: World): Promise<number | undefined> {
  try {
    const response = await fetch(`${entryOf(world)["url"]}/health`);
    return (await response.json() as { active: number }).active;
  } catch {
    return undefined;
  }
}

/** Of the server's prefix cache; 0 while there is no server. */
async function tokensInMemory(world: World): Promise<number> {
  try {
    const { url, token } = entryOf(world);
    const response = await fetch(`${url}/prefix`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return (await response.json() as { tokens_in_memory: number }).tokens_in_memory;
  } catch {
    return 0;
  }
}

async function foreignServer(
  port: number,
): Promise<{ readonly asked: IncomingHttpHeaders[] } & Disposable> {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    response.end("<html>");
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    asked,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
