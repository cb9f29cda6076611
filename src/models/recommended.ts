import { type Fit, toFit, type Weighed } from "./fit.ts";
import type { Machine } from "./machine.ts";
import table from "./recommended.json" with { type: "json" };

export interface RecommendedModel extends Weighed {
  readonly name: string;
  readonly why: string;
}

/** The day on which the table was last compared with what is published. */
export const checkedAt: string = table.checkedAt;

/** From small to large. */
export const recommendedModels: readonly RecommendedModel[] = table.models.map((
  { name, gigabytes, kibibytesPerToken, contextLength, why },
) => ({
  name,
  why,
  contextLength,
  weightBytes: gigabytes * 1e9,
  keyValueBytes: (tokens) => tokens * kibibytesPerToken * 1024,
}));

export interface Recommendation {
  readonly model: RecommendedModel;
  readonly fit: Fit;
}

const most = 4;

/** What this machine can hold, the largest first; those that leave no room come last. */
export function recommend(machine: Machine): readonly Recommendation[] {
  const weighed = recommendedModels.map((model) => ({ model, fit: toFit(model, machine) }))
    .toReversed();
  const fitting = weighed.filter(({ fit }) => fit.verdict === "fits");
  const tight = weighed.filter(({ fit }) => fit.verdict === "tight");
  return [...fitting, ...tight].slice(0, most);
}
