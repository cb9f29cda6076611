import { memo } from "../../core/memo.ts";
import type { Tool } from "../../protocol/anthropic.ts";
import { isToolSearch } from "./tools.ts";
import { wellFormed } from "./well-formed.ts";

const placeholderTool = "DeferredToolPlaceholder";

/**
 * Sorted by code point, so that the client's order does not matter. A deferred tool appears once it
 * is referred to, after all others, so that the prompt up to there never changes.
 */
export function visibleTools(
  tools: readonly Tool[],
  references: readonly string[],
): readonly Tool[] {
  const plain = tools.map(withoutHints).filter(({ name }) => name !== placeholderTool);
  const isSearched = plain.some(isToolSearch);
  const always = plain
    .filter(({ defer_loading }) => isSearched || !defer_loading)
    .toSorted(byName)
    .filter(({ name }, index, sorted) => name !== sorted[index - 1]?.name);
  const deferred = new Map(plain.map((tool) => [tool.name, tool]));
  for (const { name } of always) deferred.delete(name);
  return [...always, ...[...new Set(references)].flatMap((name) => deferred.get(name) ?? [])];
}

export function byName(a: Tool, b: Tool): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** `cache_control` says nothing to the model. */
const withoutHints = memo((tool: Tool): Tool => {
  const { cache_control: _hint, ...kept } = tool as Tool & { cache_control?: unknown };
  return wellFormed(kept);
});
