import { describe, test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import { askFacts } from "../../src/backend/facts.ts";
import { recognise } from "../../src/backend/recognise.ts";
import type { ServerKindName } from "../../src/backend/server-kinds.ts";
import { type ForeignServer, foreignServer } from "../support/foreign-server.ts";

const { signal } = new AbortController();

interface Known extends ForeignServer {
  readonly what: string;
  readonly kind: ServerKindName;
  readonly window: number | undefined;
  readonly seesImages: boolean | undefined;
}

/** As each of them answers; where that stands is said in src/backend/server-kinds.ts. */
const servers: readonly Known[] = [
  {
    what: "vLLM",
    headers: { server: "uvicorn" },
    answers: { "/v1/models": { data: [{ id: "m", owned_by: "vllm", max_model_len: 32_768 }] } },
    kind: "vllm",
    window: 32_768,
    seesImages: undefined,
  },
  {
    what: "SGLang",
    answers: {
      "/v1/models": { data: [{ id: "m", owned_by: "sglang", max_model_len: 16_384 }] },
      "/get_model_info": { model_path: "m", tokenizer_path: "m", has_image_understanding: true },
    },
    kind: "sglang",
    window: 16_384,
    seesImages: true,
  },
  {
    what: "a router in front of SGLang, whose list says less",
    answers: {
      "/v1/models": { data: [{ id: "m" }] },
      "/get_model_info": { model_path: "m", tokenizer_path: "m", is_generation: true },
    },
    kind: "sglang",
    window: undefined,
    seesImages: undefined,
  },
  {
    what: "llama.cpp, of which a request has one slot",
    headers: { server: "llama.cpp" },
    answers: {
      "/v1/models": {
        data: [{ id: "m", owned_by: "llamacpp", meta: { n_ctx_train: 262_144 } }],
      },
      "/props": {
        default_generation_settings: { n_ctx: 8192 },
        total_slots: 4,
        modalities: { vision: false, audio: false },
      },
    },
    kind: "llama.cpp",
    window: 8192,
    seesImages: false,
  },
  {
    what: "llama.cpp behind a proxy that hides it",
    answers: {
      "/v1/models": { data: [{ id: "m" }] },
      "/props": {
        default_generation_settings: { n_ctx: 8192 },
        modalities: { vision: true },
      },
    },
    kind: "llama.cpp",
    window: 8192,
    seesImages: true,
  },
  {
    what: "LM Studio, of whose window only a part is loaded",
    answers: {
      "/v1/models": { data: [{ id: "m", owned_by: "organization_owner" }] },
      "/api/v0/models": {
        data: [
          { id: "other", type: "llm", state: "loaded", loaded_context_length: 1 },
          {
            ...{ id: "m", type: "vlm", state: "loaded" },
            ...{ max_context_length: 131_072, loaded_context_length: 4096 },
          },
        ],
      },
    },
    kind: "lmstudio",
    window: 4096,
    seesImages: true,
  },
  {
    what: "LM Studio, with a model that is not loaded and could do more",
    answers: {
      "/v1/models": {
        data: [{ id: "m", owned_by: "organization_owner", max_context_length: 131_072 }],
      },
      "/api/v0/models": {
        data: [{ id: "m", type: "llm", state: "not-loaded", max_context_length: 131_072 }],
      },
    },
    kind: "lmstudio",
    window: undefined,
    seesImages: false,
  },
  {
    what: "Ollama, with a model that is loaded",
    answers: {
      "/v1/models": { data: [{ id: "m:latest", owned_by: "library" }] },
      "/api/ps": { models: [{ name: "m:latest", context_length: 4096 }] },
      "/api/show": {
        capabilities: ["completion", "tools", "vision"],
        model_info: { "qwen3.context_length": 262_144 },
      },
    },
    kind: "ollama",
    window: 4096,
    seesImages: true,
  },
  {
    what: "Ollama, with somebody's own model that is not loaded",
    answers: {
      "/v1/models": { data: [{ id: "me/m", owned_by: "me" }] },
      "/api/version": { version: "0.12.6" },
      "/api/ps": { models: [] },
      "/api/show": {
        capabilities: ["completion"],
        model_info: { "qwen3.context_length": 262_144 },
      },
    },
    kind: "ollama",
    window: undefined,
    seesImages: false,
  },
  {
    what: "Ollama, with a model that runs in its cloud",
    answers: {
      "/v1/models": { data: [{ id: "m", owned_by: "library" }] },
      "/api/ps": { models: [] },
      "/api/show": {
        remote_host: "https://ollama.com:443",
        capabilities: ["completion"],
        model_info: { "general.architecture": "qwen3", "qwen3.context_length": 262_144 },
      },
    },
    kind: "ollama",
    window: 262_144,
    seesImages: false,
  },
  {
    what: "mlx_lm.server",
    headers: { server: "BaseHTTP/0.6 Python/3.12.3" },
    answers: { "/v1/models": { object: "list", data: [{ id: "m", object: "model" }] } },
    kind: "mlx-lm",
    window: undefined,
    seesImages: undefined,
  },
  {
    what: "mlx_lm.server without any model on its disk",
    headers: { server: "BaseHTTP/0.6 Python/3.12.3" },
    answers: {
      "/v1/models": new Response("", { headers: { server: "BaseHTTP/0.6 Python/3.12.3" } }),
    },
    kind: "mlx-lm",
    window: undefined,
    seesImages: undefined,
  },
  {
    what: "OpenRouter, whose first provider takes less than others",
    url: "https://openrouter.ai/api/v1",
    answers: {
      "/api/v1/models": {
        data: [{
          id: "m",
          context_length: 1_000_000,
          architecture: { input_modalities: ["text", "image"] },
          top_provider: { context_length: 200_000 },
        }],
      },
    },
    kind: "openrouter",
    window: 200_000,
    seesImages: true,
  },
  {
    what: "OpenAI",
    url: "https://api.openai.com/v1",
    answers: { "/v1/models": { data: [{ id: "m", owned_by: "system" }] } },
    kind: "openai",
    window: undefined,
    seesImages: undefined,
  },
  {
    what: "a server that nobody knows, and that says its window",
    answers: { "/v1/models": { data: [{ id: "m", max_context_length: 2048 }] } },
    kind: "other",
    window: 2048,
    seesImages: undefined,
  },
  {
    what: "a server that answers 200 to every path",
    answers: {
      "/v1/models": { data: [{ id: "m" }] },
      ...Object.fromEntries(
        ["/props", "/api/version", "/api/v0/models", "/get_model_info"].map((path) => [
          path,
          { error: `Unexpected endpoint or method. (GET ${path})` },
        ]),
      ),
    },
    kind: "other",
    window: undefined,
    seesImages: undefined,
  },
];

describe("a server", () => {
  for (const { what, kind, window, seesImages, ...server } of servers) {
    test(`that is ${what} is recognised, and what it says of its model is true`, async () => {
      const { connection } = foreignServer(server);

      const found = await recognise(connection, signal, undefined);
      const [listed] = found.models;
      const facts = await askFacts(found.kind, { connection, model: "m", listed, signal });

      assertEquals(found.kind, kind);
      assertEquals(facts, { contextLength: window, seesImages });
    });
  }

  test("is what the user says it is", async () => {
    const { connection, asked } = foreignServer({
      answers: { "/v1/models": { data: [{ id: "m", owned_by: "vllm" }] } },
    });

    assertEquals((await recognise(connection, signal, "sglang")).kind, "sglang");
    assertEquals(asked, ["GET /v1/models"]);
  });

  test("is asked no more than it takes to know it", async () => {
    const vllm = { id: "m", owned_by: "vllm", max_model_len: 1 };
    const { connection, asked } = foreignServer({ answers: { "/v1/models": { data: [vllm] } } });

    await recognise(connection, signal, undefined);
    await askFacts("vllm", { connection, model: "m", listed: vllm, signal });

    assertEquals(asked, ["GET /v1/models"]);
  });

  test("that sends a web page for its models is none", async () => {
    const page = new Response("<html>Log in</html>", { headers: { "content-type": "text/html" } });
    const { connection } = foreignServer({ answers: { "/v1/models": page } });

    await assertRejects(
      () => recognise(connection, signal, undefined),
      ProxyError,
      "The model server at http://model.test sent a web page: check its address",
    );
  });

  test("that answers 200 with an error has failed", async () => {
    const { connection } = foreignServer({
      headers: { "content-length": "9" },
      answers: { "/v1/models": { error: "Unexpected endpoint or method. (GET /x/v1/models)" } },
    });

    await assertRejects(
      () => recognise(connection, signal, undefined),
      ProxyError,
      "Unexpected endpoint",
    );
  });

  test("that routes to several models is asked for the one that is meant", async () => {
    const { connection, asked } = foreignServer({
      answers: { "/props": { default_generation_settings: { n_ctx: 1 } } },
    });

    await askFacts("llama.cpp", { connection, model: "a/b c", listed: undefined, signal });

    assertEquals(asked, ["GET /props?model=a%2Fb%20c"]);
  });
});
