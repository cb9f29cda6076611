import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { toFit, usefulTokens, type Weighed } from "../../src/models/fit.ts";
import { toMachine } from "../../src/models/machine.ts";
import { recommend, recommendedModels } from "../../src/models/recommended.ts";

const model = (gigabytes: number, kilobytesPerToken: number, contextLength = 262_144): Weighed => ({
  weightBytes: gigabytes * 1e9,
  contextLength,
  keyValueBytes: (tokens) => tokens * kilobytesPerToken * 1000,
});
const mac = (gibibytes: number) => toMachine(gibibytes * 2 ** 30, "darwin", 0);

describe("memory for models", () => {
  const known = [[16, 11.45], [24, 17.18], [32, 22.91], [36, 28.99], [48, 38.65]] as const;
  for (const [gibibytes, gigabytes] of known) {
    test(`is on a Mac of ${gibibytes} GB what its GPU was seen to recommend`, () => {
      const { modelBytes } = mac(gibibytes);

      assertEquals((modelBytes / 1e9).toFixed(2), gigabytes.toFixed(2));
    });
  }

  test("is what the user allows the GPU", () => {
    assertEquals(toMachine(2 ** 35, "darwin", 3e10).modelBytes, 3e10);
  });

  test("is three quarters elsewhere", () => {
    assertEquals(toMachine(16e9, "linux", 0).modelBytes, 12e9);
  });
});

describe("whether a model fits", () => {
  test("is weights, a useful prompt and room to compute", () => {
    const fit = toFit(model(10, 100), mac(32));

    assertEquals(fit, { verdict: "fits", neededBytes: 14.2768e9, tokens: 119_064 });
  });

  test("is the whole context where that is less than a useful prompt", () => {
    const fit = toFit(model(10, 100, 8192), mac(32));

    assertEquals(fit, { verdict: "fits", neededBytes: 11.8192e9, tokens: 8192 });
  });

  test("is tight where little is left of memory, or of the estimate", () => {
    assertEquals(toFit(model(3, 30), mac(8)).verdict, "tight");
    assertEquals(toFit(model(20.5, 10), mac(32)).verdict, "tight");
  });

  test("is not so when even a useful prompt does not", () => {
    const fit = toFit(model(20, 100), mac(32));

    assertEquals(fit, { verdict: "too large", neededBytes: 24.2768e9, tokens: 0 });
  });

  test("is unknown where the config says too little, but for weights that are too large", () => {
    const dark = (gigabytes: number) => ({
      ...model(gigabytes, 0),
      keyValueBytes: () => undefined,
    });

    assertEquals(toFit(dark(10), mac(32)), { verdict: "unknown" });
    assertEquals(toFit(dark(30), mac(32)).verdict, "too large");
  });

  test("says the most tokens that fit, to the token", () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 300_000 }),
      fc.constantFrom(8, 16, 24, 32, 64),
      (gigabytes, kilobytes, contextLength, gibibytes) => {
        const machine = mac(gibibytes);
        const weighed = model(gigabytes, kilobytes, contextLength);
        const fit = toFit(weighed, machine);
        if (fit.verdict === "unknown") throw new Error("nothing is unknown of it");

        const needs = (tokens: number) => weighed.weightBytes + tokens * kilobytes * 1000 + 1e9;
        assertEquals(
          fit.verdict === "too large",
          needs(Math.min(usefulTokens, contextLength)) > machine.modelBytes,
        );
        if (fit.verdict === "too large") return;
        assert(needs(fit.tokens) <= machine.modelBytes);
        assert(fit.tokens === contextLength || needs(fit.tokens + 1) > machine.modelBytes);
      },
    ));
  });
});

describe("recommended models", () => {
  test("are what fits, the largest first, at most four", () => {
    const names = (gibibytes: number) =>
      recommend(mac(gibibytes)).map(({ model: { name } }) => name.replace("mlx-community/", ""));

    assertEquals(names(8), ["Qwen3.5-4B-MLX-4bit"]);
    assertEquals(names(16), ["Qwen3.5-9B-4bit", "Qwen3.5-4B-MLX-4bit"]);
    assertEquals(names(64), [
      ...["Qwen3-Coder-Next-4bit", "Qwen3.8-27B-8bit", "Qwen3.6-35B-A3B-4bit"],
      "Qwen3-Coder-30B-A3B-Instruct-4bit",
    ]);
  });

  test("come after those that fit well when they leave no room", () => {
    const verdicts = recommend(mac(12)).map(({ fit }) => fit.verdict);

    assertEquals(verdicts, ["tight", "tight"]);
    assertEquals(recommend(mac(4)), []);
  });

  test("are listed from small to large, with where that was found", async () => {
    const { default: table } = await import("../../src/models/recommended.json", {
      with: { type: "json" },
    });

    const sizes = recommendedModels.map(({ weightBytes }) => weightBytes);
    assertEquals(sizes, sizes.toSorted((one, other) => one - other));
    for (const { name, sources, why } of table.models) {
      assert(/^mlx-community\/\S+$/.test(name), name);
      assert(sources.length > 0 && sources.every((source) => URL.canParse(source)), name);
      assert(why.length > 0 && why.length < 90, name);
    }
  });
});
