import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { httpServer, json } from "../support/loopback.ts";
import { descendants } from "./support/processes.ts";
import { createWorld } from "./support/world.ts";

const key = "sk-s3cret-0123456789";

describe("the key of a server", () => {
  for (const from of ["the environment", "the config file", "the address"] as const) {
    test(`that is in ${from} reaches the server, and no list of processes, log or screen`, async () => {
      using world = createWorld(from === "the config file" ? { apiKey: key } : {});
      const proofs = new Set<string | undefined>();
      let processes: readonly string[] = [];
      await using place = await httpServer((request, response) => {
        if (request.url === "/health") return json(response, undefined);
        proofs.add(request.headers.authorization);
        if (request.url === "/v1/models") {
          return json(response, { data: [{ id: "m", owned_by: "vllm", max_model_len: 65_536 }] });
        }
        processes = descendants(process.pid).map(({ command }) => command);
        const chunk = { choices: [{ delta: { content: "Hi" }, finish_reason: "stop" }] };
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
      });
      const credentials = from === "the address" ? `me:${key}@` : "";
      const url = `http://${credentials}127.0.0.1:${place.port}`;

      const ran = await world.anyclaude(["--mode", "openai", "-p", "hi"], {
        ANYCLAUDE_DEBUG: "3",
        OPENAI_BASE_URL: url,
        ...(from === "the environment" ? { OPENAI_API_KEY: key } : {}),
      });

      assertEquals([ran.code, ran.stdout.trim()], [0, "Hi"], ran.stderr);
      const expected = from === "the address" ? `Basic ${btoa(`me:${key}`)}` : `Bearer ${key}`;
      assertEquals([...proofs], [expected]);
      assertStringIncludes(processes.join("\n"), "claude");
      const { state } = world;
      const written = readdirSync(state, { recursive: true, encoding: "utf8" })
        .filter((name) => /\.(log|txt)$/.test(name))
        .map((name) => readFileSync(join(state, name), "utf8"));
      assert(written.length > 2, String(written.length));
      for (const text of [ran.stderr, ran.stdout, ...processes, ...written]) {
        assert(!text.includes(key) && !text.includes(btoa(`me:${key}`)), text);
      }
    });
  }
});
