import { type Fit, toFit, usefulTokens } from "../../models/fit.ts";
import { toGigabytes } from "../../models/gigabytes.ts";
import type { InstalledModel } from "../../models/installed.ts";
import type { Machine } from "../../models/machine.ts";
import { checkedAt, type Recommendation } from "../../models/recommended.ts";
import { aligned } from "../aligned.ts";

const titles = ["model", "size", "context", "tools", "needs", "on this machine"];
/** Sizes and counts, in the middle. */
const isNumber = (column: number) => [1, 2, 4].includes(column);

/** Everything that `anyclaude models` prints. */
export function modelsText(
  installed: readonly InstalledModel[],
  recommended: readonly Recommendation[],
  machine: Machine,
): readonly string[] {
  const names = new Set(installed.map(({ name }) => name));
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GB of memory`;
  return [
    ...(installed.length > 0
      ? aligned([titles, ...installed.map((model) => installedRow(model, machine))], isNumber)
      : ["No model is here but the built-in one, tiny."]),
    "",
    `Recommended for ${memory} (list of ${checkedAt}):`,
    ...recommended.flatMap((each) => offer(each, names)),
    ...(recommended.length > 0 ? [] : ["  none: the smallest of the list is too large"]),
    "",
    `needs: weights, keys and values of ${count(usefulTokens)} tokens, 1 GB to compute with. This`,
    `is an estimate, as are the ${toGigabytes(machine.modelBytes)} that a model may take here.`,
    "tools: whether its chat template has them; else they are told in words, which works less well.",
    "",
    "anyclaude --model NAME uses one, anyclaude models pull NAME downloads one, rm NAME removes it.",
  ];
}

export function fitText(fit: Fit, contextLength: number): string {
  if (fit.verdict === "unknown") return "unknown: its config says too little";
  if (fit.verdict === "too large") return "too large";
  const most = fit.tokens < contextLength ? `, up to ${count(fit.tokens)} tokens` : "";
  return fit.verdict === "fits" ? `fits${most}` : `tight${most}, with little else running`;
}

function installedRow(
  { name, bytes, facts, place }: InstalledModel,
  machine: Machine,
): readonly string[] {
  const size = toGigabytes(bytes);
  if (!facts) return [name, size, "", "", "", "not all of it is here: pull goes on"];
  const { contextLength, tools } = facts;
  const fit = toFit(facts, machine);
  const where = place === "LM Studio" ? " (of LM Studio)" : "";
  const verdict = `${fitText(fit, contextLength)}${where}`;
  return [name, size, count(contextLength), tools ? "yes" : "no", needs(fit), verdict];
}

function offer(
  { model: { name, weightBytes, contextLength, why }, fit }: Recommendation,
  names: ReadonlySet<string>,
): readonly string[] {
  const size = names.has(name) ? "is here" : `download of ${toGigabytes(weightBytes)}`;
  return [
    `  ${name}: ${size}, needs ${needs(fit)}, ${fitText(fit, contextLength)}`,
    `      ${why}`,
  ];
}

function needs(fit: Fit): string {
  return fit.verdict === "unknown" ? "unknown" : toGigabytes(fit.neededBytes);
}

function count(tokens: number): string {
  return tokens.toLocaleString("en-US");
}
