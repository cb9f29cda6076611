import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { modelsText } from "../../src/cli/model/models-text.ts";
import type { InstalledModel } from "../../src/models/installed.ts";
import { toMachine } from "../../src/models/machine.ts";
import type { ModelFacts } from "../../src/models/model-folder.ts";
import { recommend } from "../../src/models/recommended.ts";

const machine = toMachine(32 * 2 ** 30, "darwin", 0);

function model(name: string, gigabytes: number, facts?: Partial<ModelFacts>): InstalledModel {
  const bytes = gigabytes * 1e9;
  return {
    ...{ name, place: "Hugging Face cache", folder: "/cache", bytes },
    facts: facts && {
      ...{ weightBytes: bytes, contextLength: 262_144, tools: true },
      keyValueBytes: (tokens) => tokens * 1e5,
      ...facts,
    },
  };
}

describe("the list of models", () => {
  test("has a line for each, with what is known and what is estimated", () => {
    const installed = [
      model("a/dark", 4, { keyValueBytes: () => undefined }),
      model("a/huge", 60, {}),
      model("a/part", 3.1),
      model("a/small", 0.0016, { contextLength: 4096, tools: false }),
      { ...model("a/studio", 17.2, {}), place: "LM Studio" as const },
    ];

    const lines = modelsText(installed, [], machine);

    assertEquals(lines.slice(0, 6), [
      "model        size  context  tools    needs  on this machine",
      "a/dark     4.0 GB  262,144  yes    unknown  unknown: its config says too little",
      "a/huge    60.0 GB  262,144  yes    64.3 GB  too large",
      "a/part     3.1 GB                           not all of it is here: pull goes on",
      "a/small    1.6 MB    4,096  no      1.4 GB  fits",
      "a/studio  17.2 GB  262,144  yes    21.5 GB  tight, up to 47,064 tokens, with little else " +
      "running (of LM Studio)",
    ]);
  });

  test("says that there is none, and what is recommended, with what is here already", () => {
    const recommended = recommend(machine);
    const here = model(recommended[0]!.model.name, 1);

    const empty = modelsText([], recommended, machine);
    const lines = modelsText([here], recommended, machine);

    assertEquals(empty[0], "No model is here but the built-in one, tiny.");
    assert(empty.includes(
      "  mlx-community/Qwen3.8-27B-4bit: download of 16.1 GB, needs 19.2 GB, fits, up to 88,600 tokens",
    ));
    assert(lines.includes(
      "  mlx-community/Qwen3.8-27B-4bit: is here, needs 19.2 GB, fits, up to 88,600 tokens",
    ));
  });

  test("fits a terminal, and says when nothing can be recommended", () => {
    const lines = modelsText([], [], toMachine(2e9, "linux", 0));

    assert(lines.includes("  none: the smallest of the list is too large"));
    assert(lines.every((line) => line.length <= 100));
  });
});
