import type { Config } from "../../config/schema.ts";
import type { Cause, Finding } from "../../monitor/diagnosis.ts";
import type { HistoryGroup } from "../../monitor/history.ts";
import type { Totals } from "../../monitor/totals.ts";
import { aligned } from "../aligned.ts";

const grouped = new Intl.NumberFormat("en-US");
const barWidth = 40;

/** One row for each group and one for all; an unknown figure is a dash. */
export function table(
  title: string,
  groups: readonly HistoryGroup[],
  total: Totals,
): readonly string[] {
  const rows = [
    [title, ...columns.map(([name]) => name)],
    ...[...groups, { name: "total", totals: total }].map(({ name, totals }) => [
      name,
      ...columns.map(([, show]) => show(totals)),
    ]),
  ];
  const used = rows[0]?.map((_, column) => rows.slice(1).some((row) => row[column] !== "–")) ?? [];
  const kept = rows.map((row) => row.filter((_, column) => used[column]));
  return aligned(kept, (column) => column > 0);
}

const columns: readonly (readonly [string, (totals: Totals) => string])[] = [
  ["requests", ({ requests }) => grouped.format(requests)],
  ["failed", ({ failed }) => failed === 0 ? "–" : grouped.format(failed)],
  ["hits", ({ hits }) => grouped.format(hits)],
  ["hit rate", ({ hitRate }) => percent(hitRate)],
  ["prompt tokens", ({ known, promptTokens }) => known > 0 ? grouped.format(promptTokens) : "–"],
  ["reused", ({ reuseRate }) => percent(reuseRate)],
  ["time saved", (totals) => seconds(savedSeconds(totals))],
  ["cost saved", ({ promptCost }) => dollars(promptCost)],
  ["TTFT p50", ({ timeToFirstTokenP50Ms: ms }) => seconds(ms === undefined ? ms : ms / 1000)],
  ["p95", ({ timeToFirstTokenP95Ms: ms }) => seconds(ms === undefined ? ms : ms / 1000)],
];

/** Prompt tokens, the longest bar for the most; what was reused is filled. */
export function chart(groups: readonly HistoryGroup[]): readonly string[] {
  const most = Math.max(...groups.map(({ totals }) => totals.promptTokens));
  if (most === 0) return [];
  const width = Math.max(...groups.map(({ name }) => name.length));
  const bars = groups.map(({ name, totals }) => {
    const length = Math.ceil((totals.promptTokens / most) * barWidth);
    if (totals.reuseRate === undefined) return `${name.padEnd(width)}  ${"▒".repeat(length)}`;
    const filled = Math.round(length * totals.reuseRate);
    return `${name.padEnd(width)}  ${"█".repeat(filled)}${"░".repeat(length - filled)}`;
  });
  const unknown = bars.some((bar) => bar.includes("▒")) ? ", ▒ not said" : "";
  return ["", `Prompt tokens: █ from a prefix cache, ░ computed${unknown}`, ...bars];
}

/** What would have helped, with the setting that does it. */
export function advice(
  findings: readonly Finding[],
  requests: number,
  config: Config,
): readonly string[] {
  const lines = findings.map((finding) => {
    const { tokens } = finding;
    const lost = tokens ? `, ${grouped.format(tokens)} prompt tokens computed` : "";
    const share = `${grouped.format(finding.requests)} of ${grouped.format(requests)} requests`;
    return `- ${share}${lost}: ${explain(finding, config)}`;
  });
  return lines.length > 0 ? ["", "Where the caches could not help", ...lines] : [];
}

function explain({ cause, position }: Finding, config: Config): string {
  const where = position === undefined ? "an unknown token" : `token ${grouped.format(position)}`;
  const words: Readonly<Record<Cause, string>> = {
    "evicted-from-disk":
      `asked again after their answers had to leave the disk (capacity). cacheDiskMegabytes ` +
      `above ${config.cacheDiskMegabytes} keeps more`,
    "evicted-from-memory": "answered from disk, because memory had no room left (capacity). " +
      `VLLM_CACHE_SIZE above ${config.cacheSize} keeps more`,
    expired: "asked again after their answers had become too old (TTL). cacheTtlHours above " +
      `${config.cacheTtlHours} keeps them longer`,
    bypassed: "not looked up: --fresh, cache-control: no-cache, or VLLM_CACHE_SIZE=0",
    "new-questions": "asked for the first time. No setting changes that",
    "tools-changed":
      "had other tools than the request before. Tools stand at the start of the prompt: connect " +
      "MCP servers before the first question, and keep their set the same",
    "system-changed": `had another system prompt than the request before, from ${where} on. ` +
      "What follows is computed anew: look for dates or counters in CLAUDE.md and hooks",
    "prefix-evicted":
      "found their prefix evicted from the MLX server's memory (capacity). A smaller model or " +
      "fewer conversations at once leave room for it",
    "prompt-cache-expired":
      "came more than five minutes after the one before, when Anthropic had forgotten the prompt " +
      "(TTL). CLAUDE_CODE_PROMPT_CACHE_TTL=1h keeps it for an hour, at a higher price for writing",
  };
  return words[cause];
}

/** Undefined when neither was measured. */
function savedSeconds({ prefillSecondsSaved, answerSecondsSaved }: Totals): number | undefined {
  if (prefillSecondsSaved === undefined && answerSecondsSaved === undefined) return undefined;
  return (prefillSecondsSaved ?? 0) + (answerSecondsSaved ?? 0);
}

function seconds(amount: number | undefined): string {
  if (amount === undefined) return "–";
  if (amount < 120) return `${amount.toFixed(amount < 10 ? 2 : 1)} s`;
  return amount < 7200 ? `${(amount / 60).toFixed(1)} min` : `${(amount / 3600).toFixed(1)} h`;
}

function percent(share: number | undefined): string {
  return share === undefined ? "–" : `${(share * 100).toFixed(1)}%`;
}

function dollars(cost: Totals["promptCost"]): string {
  if (!cost) return "–";
  const saved = cost.withoutCache - cost.withCache;
  return `${saved < 0 ? "-" : ""}$${Math.abs(saved).toFixed(2)}`;
}
