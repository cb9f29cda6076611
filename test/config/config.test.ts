import { describe, test } from "node:test";
import { join } from "node:path";
import process from "node:process";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { toJson } from "../../src/config/jsonc.ts";
import { toPaths } from "../../src/config/paths.ts";
import { type Layer, resolveConfig } from "../../src/config/resolve.ts";
import { configSchema, settings } from "../../src/config/schema.ts";

const layer = (values: Record<string, unknown>, prefix = ""): Layer => ({
  values,
  nameOf: (setting) => prefix + setting,
});

function mistakes(...layers: readonly Layer[]): string {
  try {
    resolveConfig(...layers);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

describe("the configuration", () => {
  test("has its defaults", () => {
    const { mode, cacheSize, fresh, debug, port, noAutoLaunch } = resolveConfig();

    assertEquals([mode, cacheSize, fresh, debug, port, noAutoLaunch], [
      "mlx",
      256,
      false,
      0,
      0,
      false,
    ]);
  });

  test("takes the later layer, setting by setting", () => {
    const file = layer({ model: "file", debug: 1, cacheSize: 8 });
    const environment = layer({ model: "environment", debug: "2" });
    const flags = layer({ model: "flag", mode: undefined });

    const { model, debug, cacheSize } = resolveConfig(file, environment, flags);

    assertEquals([model, debug, cacheSize], ["flag", 2, 8]);
  });

  test("reports every mistake at once, by the name the user gave it", () => {
    const said = mistakes(
      layer({ tokens: 1 }, "file: "),
      layer({ debug: "9", baseUrl: "ftp://x", cacheSize: "-1" }, "$"),
      layer({ mode: "mlxx", serverKind: "vlmm", contextLength: "0" }, "--"),
    );

    for (
      const part of [
        "file: tokens: there is no such setting; there are mode, model",
        '$debug: expected a whole number from 0 to 3, got "9"',
        "$baseUrl: expected an address such as http://localhost:1234/v1",
        '$cacheSize: expected a whole number from 0 to 1000000, got "-1"',
        '--mode: expected one of mlx, openai, claude, got "mlxx"',
        "--serverKind: expected one of vllm, sglang, llama.cpp, lmstudio, ollama, mlx-lm, openrouter",
        '--contextLength: expected a whole number from 1 to 100000000, got "0"',
      ]
    ) assertStringIncludes(said, part);
  });

  test("never repeats a key", () => {
    assertEquals(mistakes(layer({ apiKey: ["sk-secret"] })).includes("secret"), false);
    assertEquals(mistakes(layer({ baseUrl: "ftp://me:secret@h/x" })).includes("secret"), false);
  });

  for (
    const [value, expected] of [["0", false], ["false", false], ["", false], ["1", true]] as const
  ) {
    test(`takes ${JSON.stringify(value)} for ${expected ? "on" : "off"}`, () => {
      assertEquals(resolveConfig(layer({ noAutoLaunch: value })).noAutoLaunch, expected);
    });
  }

  test("has names for every setting", () => {
    assertEquals(Object.keys(settings).toSorted(), Object.keys(configSchema.entries).toSorted());
  });

  test("may have comments and trailing commas, and texts that look like them", () => {
    const text = `{ // mode
      "a": "http://x /* no */ ,}", /* b */ "b": [1, 2,],
    }`;

    assertEquals(JSON.parse(toJson(text)), { a: "http://x /* no */ ,}", b: [1, 2] });
  });

  const places: readonly [NodeJS.Platform, Record<string, string>, string][] = [
    [
      "linux",
      { HOME: "/h" },
      "/h/.config/anyclaude/config.json /h/.local/state/anyclaude /h/.cache/anyclaude",
    ],
    [
      "linux",
      { HOME: "/h", XDG_STATE_HOME: "/s" },
      "/h/.config/anyclaude/config.json /s/anyclaude /h/.cache/anyclaude",
    ],
    [
      "darwin",
      { HOME: "/h" },
      "/h/Library/Application Support/anyclaude/config.json /h/Library/Application Support/anyclaude/state /h/Library/Caches/anyclaude",
    ],
    ["darwin", { HOME: "/h", ANYCLAUDE_HOME: "/a" }, "/a/config.json /a/state /a/cache"],
  ];
  for (const [platform, environment, expected] of places) {
    test(`is kept at ${expected}`, () => {
      const { configFile, state, cache } = toPaths(environment, platform);

      assertEquals([configFile, state, cache].join(" "), expected);
    });
  }

  test("is kept at the same place for programs that are started in another folder", () => {
    const moved = toPaths({ HOME: "/h", ANYCLAUDE_HOME: "a" }, "linux");
    const relative = toPaths({ HOME: "/h", XDG_CACHE_HOME: "a" }, "linux");

    assertEquals(moved.cache, join(process.cwd(), "a", "cache"));
    assertEquals(relative.cache, "/h/.cache/anyclaude");
  });
});
