import { describe, test } from "node:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  deadPort,
  httpServer,
  httpsServer,
  json,
  type Place,
  serving,
  socketServer,
} from "../support/loopback.ts";
import { createWorld, type World } from "./support/world.ts";

interface BadInput {
  readonly what: string;
  readonly args: readonly string[];
  readonly env?: (world: World) => Readonly<Record<string, string>>;
  readonly said: string;
  readonly code: number;
}

const tiny = ["--model", "tiny", "-p", "hi"];
const usage: readonly BadInput[] = [
  { what: "a typing mistake", args: ["--moed", "mlx"], said: "did you mean --mode?", code: 2 },
  { what: "an unknown mode", args: ["--mode", "foo"], said: "mlx, openai, claude", code: 2 },
  { what: "a port that is none", args: ["serve", "--port", "abc"], said: "0 to 65535", code: 2 },
  { what: "an option of serve", args: ["serve", "--prot", "1"], said: "--port?", code: 2 },
  { what: "a cache command", args: ["cache", "fill"], said: "there is only clear", code: 2 },
  { what: "a moment for stats", args: ["stats", "--since", "x"], said: "36h, 7d, 4w", code: 2 },
  { what: "a grouping", args: ["stats", "--by", "x"], said: "day, project, model", code: 2 },
  { what: "openai without a server", args: ["--mode", "openai"], said: "--base-url", code: 2 },
  { what: "a models command", args: ["models", "fly"], said: "there are pull and rm", code: 2 },
  { what: "no model to pull", args: ["models", "pull"], said: "none is named", code: 2 },
  { what: "the built-in model", args: ["models", "rm", "tiny"], said: "it is built in", code: 2 },
  {
    what: "no name of a model",
    args: ["models", "pull", "x"],
    said: "mlx-community/NAME",
    code: 2,
  },
  { what: "no folder", args: ["--model", "/no/where"], said: "there is no such folder", code: 2 },
  { what: "no model and no terminal", args: ["-p", "hi"], said: "--model tiny", code: 2 },
  {
    what: "variables that are junk",
    args: tiny,
    env: () => ({ VLLM_CACHE_SIZE: "-1", ANYCLAUDE_DEBUG: "9", MLX_URL: "x" }),
    said: "VLLM_CACHE_SIZE: expected a whole number from 0 to 1000000",
    code: 2,
  },
  {
    what: "tiny without permissions",
    args: [...tiny, "--dangerously-skip-permissions"],
    said: "may take a sentence for a command",
    code: 2,
  },
  {
    what: "a state folder that is a file",
    args: tiny,
    env: ({ project }) => ({ ANYCLAUDE_HOME: join(project, "a.txt") }),
    said: "Cannot read the config file",
    code: 2,
  },
  {
    what: "no Claude Code where it is said to be",
    args: tiny,
    env: ({ project }) => withConfig(project, { claudePath: "/nonexistent/claude" }),
    said: "Cannot start Claude Code at /nonexistent/claude",
    code: 1,
  },
  {
    what: "a price file with a field that is unknown",
    args: ["--mode", "claude", "-p", "hi"],
    env: ({ project }) => {
      const path = join(project, "prices.json");
      writeFileSync(path, `{ "models": [], "model": 1 }`);
      return withConfig(project, { pricesFile: path });
    },
    said: "prices.json (pricesFile): model: there is no such field",
    code: 2,
  },
  {
    what: "a comparison with a model that has no price",
    args: tiny,
    env: ({ project }) => withConfig(project, { compareWith: "gpt-x" }),
    said: `Cannot compare with "gpt-x" (compareWith): prices are known for claude-`,
    code: 2,
  },
  {
    what: "a state folder that cannot be made",
    args: tiny,
    env: ({ project }) => {
      const home = withConfig(project, {});
      writeFileSync(join(home.ANYCLAUDE_HOME, "state"), "");
      return home;
    },
    said: "ANYCLAUDE_HOME names another one",
    code: 1,
  },
  {
    what: "an unreachable MLX_URL",
    args: ["-p", "hi"],
    env: () => ({ MLX_URL: "http://127.0.0.1:9" }),
    said: "Cannot reach the model server at http://127.0.0.1:9: is it running?",
    code: 1,
  },
  {
    what: "a model folder without weights",
    args: ["--model", "empty folder", "-p", "hi"],
    env: (world) => {
      mkdirSync(join(world.project, "empty folder"));
      return {};
    },
    said: "holds no config.json",
    code: 1,
  },
];

describe("bad input", () => {
  for (const { what, args, env, said, code } of usage) {
    test(`${what}: one message, no stack, exit code ${code}`, async () => {
      using world = createWorld();

      const ran = await world.anyclaude(args, env?.(world));

      assertStringIncludes(ran.stderr, said);
      assert(!/^ +at /m.test(ran.stderr), ran.stderr);
      assertEquals([ran.code, ran.stdout], [code, ""], ran.stderr);
    });
  }

  test("a port that is taken: one message, no stack, exit code 1", async () => {
    using world = createWorld();
    await using taken = await socketServer(() => {});
    const { port } = taken;

    const ran = await world.anyclaude(["serve", "--model", "tiny", "--port", String(port)]);

    assertStringIncludes(ran.stderr, `Cannot listen on port ${port}`);
    assert(!/^ +at /m.test(ran.stderr), ran.stderr);
    assertEquals(ran.code, 1);
  });
});

interface BadServer {
  readonly what: string;
  readonly open: () => Promise<Place>;
  readonly scheme?: "https";
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly said: string;
  readonly code: number;
}

const models = { "/v1/models": { data: [{ id: "m", owned_by: "vllm" }] } };

/** What the user sees of a server that cannot be used, before Claude Code starts. */
const servers: readonly BadServer[] = [
  { what: "nobody there", open: deadPort, said: "is it running?", code: 1 },
  {
    what: "nobody who answers",
    open: () => socketServer((socket) => void socket.resume()),
    said: "it does not answer",
    code: 1,
  },
  {
    what: "a key that is missing",
    open: () => serving({ "/v1/models": 401 }),
    said: "wants a key (401): set OPENAI_API_KEY",
    code: 1,
  },
  {
    what: "a wrong key",
    open: () => serving({ "/v1/models": 401 }),
    env: { OPENAI_API_KEY: "sk-s3cret" },
    said: "refused our key (401): check OPENAI_API_KEY",
    code: 1,
  },
  {
    what: "a wrong model",
    open: () => serving(models),
    args: ["--model", "n"],
    said: "it has m",
    code: 2,
  },
  {
    what: "a web page",
    open: () => serving({ "/v1/models": "<html>Log in</html>" }),
    said: "sent a web page: check its address",
    code: 1,
  },
  {
    what: "a certificate that nobody has signed",
    open: () => httpsServer((_, response) => response.end("{}")),
    scheme: "https",
    said: "NODE_EXTRA_CA_CERTS",
    code: 1,
  },
  {
    what: "no https",
    open: () => serving(models),
    scheme: "https",
    said: "write http://",
    code: 1,
  },
  {
    what: "another address",
    open: () => httpServer((_, response) => response.writeHead(301, { location: "/in" }).end()),
    said: "sends us elsewhere (301)",
    code: 1,
  },
];

/**
 * What becomes of a question when a server turns bad after the start. Nothing of it is retried; a
 * 400 makes Claude Code ask five times more, at once and each time for less.
 */
const turning: readonly [
  what: string,
  answer: readonly [status: number, error: string],
  said: string,
  questions: number,
][] = [
  ["refuses the key", [401, "revoked"], "refused our key (401): check OPENAI_API_KEY", 1],
  ["wants money", [402, "Top up"], "wants to be paid: Top up", 1],
  ["has another model", [404, "no such model: m"], `does not have "m": it has n`, 6],
  ["takes no tools", [400, "m takes no tools"], "m takes no tools", 6],
  ["has used up its quota", [429, "insufficient_quota"], "insufficient_quota", 1],
];

describe("a bad server", () => {
  for (const { what, open, scheme = "http", args = [], env, said, code } of servers) {
    test(`${what}: one sentence with its address, no secret, exit code ${code}`, async () => {
      using world = createWorld();
      await using place = await open();
      const at = `127.0.0.1:${place.port}`;

      const ran = await world.anyclaude(
        ["--mode", "openai", "--base-url", `${scheme}://me:s3cret@${at}/v1`, ...args, "-p", "hi"],
        env,
      );

      assertStringIncludes(ran.stderr, said);
      assertStringIncludes(ran.stderr, `${scheme}://${at}`);
      assert(!/s3cret|^ +at /m.test(ran.stderr), ran.stderr);
      assertEquals([ran.code, ran.stdout, ran.stderr.trim().split("\n").length], [code, "", 1]);
    });
  }

  for (const [what, [status, error], said, questions] of turning) {
    test(`that ${what} later is shown at once`, async () => {
      using world = createWorld();
      let asked = 0;
      await using place = await httpServer((request, response) => {
        if (request.url === "/v1/models") {
          return json(response, asked === 0 ? models["/v1/models"] : { data: [{ id: "n" }] });
        }
        if (request.url !== "/v1/chat/completions") return json(response, undefined);
        asked += 1;
        json(response, { error: { message: error, code: error } }, status);
      });

      const ran = await world.anyclaude(
        ["--mode", "openai", "--base-url", `http://127.0.0.1:${place.port}`, "-p", "hi"],
        { OPENAI_API_KEY: "sk-s3cret" },
      );

      assertStringIncludes(ran.stdout + ran.stderr, said);
      assertEquals([ran.code, asked], [1, questions], ran.stdout + ran.stderr);
    });
  }
});

/** A home of its own, with this in its config file. */
function withConfig(project: string, config: object): { readonly ANYCLAUDE_HOME: string } {
  const home = join(project, "any home");
  mkdirSync(home);
  writeFileSync(join(home, "config.json"), JSON.stringify(config));
  return { ANYCLAUDE_HOME: home };
}
