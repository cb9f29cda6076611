import { describe, test } from "node:test";
import { toGigabytes } from "../../src/models/gigabytes.ts";
import { toFit } from "../../src/models/fit.ts";
import { toMachine } from "../../src/models/machine.ts";
import { recommendedModels } from "../../src/models/recommended.ts";
import { assertReadmeTable } from "../support/readme-table.ts";

/** Of Macs, in GiB. */
const memories = [8, 16, 24, 32, 36, 48, 64, 96, 128];

describe("the README", () => {
  test("has every recommended model, with the memory from which it fits", () => {
    assertReadmeTable(
      ["<!-- models, made by npm run golden -->", "<!-- end of models -->"],
      table(),
    );
  });
});

function table(): readonly string[] {
  const rows = recommendedModels.map((model) => {
    const fits = (verdict: string) =>
      memories.find((memory) =>
        toFit(model, toMachine(memory * 2 ** 30, "darwin", 0)).verdict === verdict
      );
    const [good, tight] = [fits("fits"), fits("tight")];
    const from = tight === undefined ? `${good} GB` : `${good} GB; tight from ${tight} GB`;
    return [from, `\`${model.name}\``, toGigabytes(model.weightBytes), model.why];
  });
  return [["memory", "model", "download", "why"], Array<string>(4).fill("---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`);
}
