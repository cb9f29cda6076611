import type { Machine } from "./machine.ts";
import type { ModelFacts } from "./model-folder.ts";

/** Whether a model fits into a machine. Everything in it is an estimate. */
export type Fit =
  | {
    readonly verdict: "fits" | "tight" | "too large";
    /** Weights, a useful prompt, and room to compute. */
    readonly neededBytes: number;
    /** How much of its context fits; 0 when not even the useful prompt does. */
    readonly tokens: number;
  }
  | { readonly verdict: "unknown" };

/** Claude Code's own instructions take a good half of it. */
export const usefulTokens = 32_768;
/** For what is computed at one time. Not measured: an allowance. */
const roomBytes = 1e9;
/** With less than this for other programs it becomes a matter of care … */
const othersBytes = 8e9;
/** … as with more than this part of an estimate. */
const comfortable = 0.93;

export type Weighed = Pick<ModelFacts, "weightBytes" | "contextLength" | "keyValueBytes">;

export function toFit(model: Weighed, { memoryBytes, modelBytes }: Machine): Fit {
  const needed = (tokens: number) => {
    const bytes = model.keyValueBytes(tokens);
    return bytes === undefined ? undefined : model.weightBytes + bytes + roomBytes;
  };
  const neededBytes = needed(Math.min(usefulTokens, model.contextLength));
  if ((neededBytes ?? model.weightBytes) > modelBytes) {
    return { verdict: "too large", neededBytes: neededBytes ?? model.weightBytes, tokens: 0 };
  }
  if (neededBytes === undefined) return { verdict: "unknown" };
  const doesFit = (count: number) => (needed(count) ?? Infinity) <= modelBytes;
  const tokens = mostTokens(model.contextLength, doesFit);
  const isTight = memoryBytes - neededBytes < othersBytes ||
    neededBytes > comfortable * modelBytes;
  return { verdict: isTight ? "tight" : "fits", neededBytes, tokens };
}

/** By halving: what more tokens need grows with them. */
function mostTokens(contextLength: number, doesFit: (tokens: number) => boolean): number {
  if (doesFit(contextLength)) return contextLength;
  let [fits, tooMany] = [0, contextLength];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (doesFit(middle)) fits = middle;
    else tooMany = middle;
  }
  return fits;
}
