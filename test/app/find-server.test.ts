import { describe, test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { findServer, type FindServerOptions } from "../../src/app/find-server.ts";
import { patientFetch } from "../../src/app/patient-fetch.ts";
import { silentLog } from "../../src/core/log.ts";
import { UserError } from "../../src/core/user-error.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import {
  deadPort,
  httpServer,
  httpsServer,
  json,
  type Place,
  serving,
} from "../support/loopback.ts";

const vllm = { data: [{ id: "m", owned_by: "vllm", max_model_len: 32_768 }] };

interface Bad {
  readonly what: string;
  readonly open: () => Promise<Place>;
  readonly scheme?: "https";
  readonly config?: FindServerOptions["config"];
  readonly said: readonly string[];
  readonly code: 1 | 2;
}

/** What a user may have got wrong, and what tells it. */
const bad: readonly Bad[] = [
  { what: "a port where nobody listens", open: deadPort, said: ["is it running?"], code: 1 },
  {
    what: "no key",
    open: () => serving({ "/v1/models": 401 }),
    said: ["wants a key (401): set OPENAI_API_KEY"],
    code: 1,
  },
  {
    what: "a wrong key",
    open: () => serving({ "/v1/models": 403 }),
    config: { mode: "openai", apiKey: "sk-secret" },
    said: ["refused our key (403): check OPENAI_API_KEY"],
    code: 1,
  },
  {
    what: "a wrong key at MLX_URL",
    open: () => serving({ "/v1/models": 401 }),
    config: { mode: "mlx", apiKey: "sk-secret" },
    said: ["check MLX_API_KEY"],
    code: 1,
  },
  {
    what: "a model that is not there",
    open: () => serving({ "/v1/models": vllm }),
    config: { mode: "openai", model: "n" },
    said: [`Cannot find the model "n" at http://127.0.0.1`, "it has m"],
    code: 2,
  },
  {
    what: "no model where there are two",
    open: () => serving({ "/v1/models": { data: [{ id: "a" }, { id: "b" }] } }),
    said: ["name one with --model; it has a, b"],
    code: 2,
  },
  {
    what: "no model where there is none",
    open: () => serving({ "/v1/models": { data: [] } }),
    said: ["name one with --model; it has none"],
    code: 2,
  },
  {
    what: "the address of a web page",
    open: () => serving({ "/v1/models": "<html>Log in</html>" }),
    said: ["sent a web page: check its address"],
    code: 1,
  },
  {
    what: "an address that is not quite right",
    open: () => serving({}),
    said: ["has no such path (404): check its address"],
    code: 1,
  },
  {
    what: "a server whose certificate nobody has signed",
    open: () => httpsServer((_, response) => response.end("{}")),
    scheme: "https",
    said: ["NODE_EXTRA_CA_CERTS"],
    code: 1,
  },
  {
    what: "https where there is none",
    open: () => serving({ "/v1/models": vllm }),
    scheme: "https",
    said: ["write http://"],
    code: 1,
  },
  {
    what: "a server that sends us elsewhere",
    open: () =>
      httpServer((_, response) => response.writeHead(302, { location: "/login?next=x" }).end()),
    said: ["sends us elsewhere (302)", "/login"],
    code: 1,
  },
];

describe("finding a server", () => {
  for (const { what, open, scheme = "http", config, said, code } of bad) {
    test(`with ${what} ends in one sentence with its address`, async () => {
      await using place = await open();
      const at = `127.0.0.1:${place.port}`;

      const error = await assertRejects(
        () => find(`${scheme}://me:s3cret@${at}/v1`, config ? { config } : {}),
        UserError,
      );

      for (const part of [...said, `${scheme}://${at}`]) assertStringIncludes(error.message, part);
      assert(!/\n|s3cret|sk-secret/.test(error.message), error.message);
      assertEquals(error.exitCode, code);
    });
  }

  test("takes the only model that is served, and its window", async () => {
    await using place = await serving({ "/v1/models": vllm });

    const found = await find(at(place));

    assertEquals([found.kind, found.model, found.contextLength], ["vllm", "m", 32_768]);
  });

  test("takes a model that is not listed where a server loads what it is asked for", async () => {
    await using place = await serving({ "/v1/models": { data: [{ id: "a" }] } });

    assertEquals((await find(at(place), { model: "org/other" })).model, "org/other");
  });

  test("believes the user's window and kind before the server's", async () => {
    await using place = await serving({ "/v1/models": vllm });

    const config = { mode: "openai", serverKind: "sglang", contextLength: 65_536 } as const;
    const found = await find(at(place), { config });

    assertEquals([found.kind, found.contextLength], ["sglang", 65_536]);
  });

  test("has credentials in an address sent, and shown nowhere", async () => {
    const seen: (string | undefined)[] = [];
    await using place = await httpServer((request, response) => {
      seen.push(request.headers.authorization);
      json(response, request.url === "/v1/models" ? vllm : undefined);
    });

    const found = await find(`http://me:s3cret@127.0.0.1:${place.port}`);

    assertEquals(seen.at(-1), `Basic ${btoa("me:s3cret")}`);
    assertEquals(found.identity, `http://127.0.0.1:${place.port}`);
  });

  test("waits for a model that is still being loaded", async () => {
    let asked = 0;
    await using place = await httpServer((request, response) => {
      if (request.url !== "/v1/models") return json(response, undefined);
      asked += 1;
      const loading = { error: { message: "Loading model", type: "unavailable_error", code: 503 } };
      if (asked < 3) json(response, loading, 503);
      else json(response, vllm);
    });

    assertEquals((await find(at(place))).model, "m");
    assertEquals(asked, 3);
  });

  test("does not wait for ever", async () => {
    const loading = { error: { message: "Loading model", type: "unavailable_error", code: 503 } };
    await using place = await httpServer((_, response) => json(response, loading, 503));
    let now = 0;
    const clock = { now: () => now, sleep: async () => void (now += 400_000) };

    await assertRejects(() => find(at(place), { clock }), UserError, "Loading model");

    assertEquals(now, 800_000);
  });

  test("does not wait for a server that is broken", async () => {
    await using place = await serving({ "/v1/models": 503 });

    await assertRejects(() => find(at(place)), UserError, "failed without a reason (503)");
  });

  test("waits for a server of ours that is still loading, and takes what it says", async () => {
    let asked = 0;
    await using place = await httpServer((request, response) => {
      asked += 1;
      const model = { id: "tiny", context_length: 4096, fingerprint: "f" };
      const health = asked < 3 ? { status: "loading", pid: 7 } : { status: "ready", pid: 7, model };
      json(response, request.url === "/health" ? health : undefined);
    });

    const found = await find(at(place));

    assertEquals([found.kind, found.model, found.identity], ["ours", "tiny", "f"]);
  });

  test("says why a server of ours cannot load its model", async () => {
    const error = { message: "no config.json" };
    await using place = await serving({ "/health": { status: "failed", pid: 7, error } });

    await assertRejects(() => find(at(place)), UserError, "no config.json");
  });

  test("lets a model be loaded where its window is known only then", async () => {
    const asked: string[] = [];
    let isLoaded = false;
    await using place = await httpServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (request.url === "/v1/chat/completions") isLoaded = true;
      const models = isLoaded ? [{ name: "m:latest", context_length: 40_960 }] : [];
      json(
        response,
        {
          "/v1/models": { data: [{ id: "m:latest", owned_by: "library" }] },
          "/api/ps": { models },
          "/api/show": { capabilities: ["completion"] },
          "/v1/chat/completions": { choices: [] },
        }[request.url ?? ""],
      );
    });
    const said: string[] = [];

    const found = await find(at(place), { model: "m", tell: (line) => void said.push(line) });

    assertEquals([found.contextLength, found.seesImages], [40_960, false]);
    assertEquals(asked.filter((each) => each.startsWith("POST /v1")).length, 1);
    assertStringIncludes(said.join(), "Waiting for Ollama to load m");
  });

  test("ends in one sentence when a model cannot be loaded", async () => {
    await using place = await httpServer((request, response) => {
      if (request.url === "/v1/models") {
        return json(response, { data: [{ id: "m", owned_by: "organization_owner" }] });
      }
      if (request.url !== "/v1/chat/completions") return json(response, undefined);
      json(response, { error: { message: "Failed to load model: not enough memory" } }, 400);
    });

    await assertRejects(() => find(at(place)), UserError, "not enough memory");
  });

  test("says how to make a window larger that is too small to begin with", async () => {
    const small = { data: [{ id: "m", owned_by: "vllm", max_model_len: 4096 }] };
    await using place = await serving({ "/v1/models": small });
    const said: string[] = [];

    await find(at(place), { tell: (line) => void said.push(line) });

    assertEquals(said, [
      "The model's window is 4096 tokens, less than Claude Code needs to work in. Make it " +
      "larger: vllm serve … --max-model-len N",
    ]);
  });
});

interface Wishes extends Partial<FindServerOptions> {
  readonly model?: string;
}

function find(url: string, { model, ...options }: Wishes = {}) {
  const config = { mode: "openai" as const, ...(model ? { model } : {}) };
  return findServer(url, {
    ...{ config, tell: () => {}, fetch: patientFetch, clock: hurriedClock, log: silentLog },
    ...options,
  });
}

function at({ port }: Place): string {
  return `http://127.0.0.1:${port}/v1`;
}
