import type { AnswerBlock, BlockDelta, MessageEvent } from "../protocol/anthropic.ts";

/** Anthropic streams one content block at a time; a new key closes the open block first. */
export class BlockWriter {
  #index = -1;
  #open: { readonly key: string; readonly last: readonly BlockDelta[] } | undefined;

  /** `last`: deltas written when the block is closed. */
  *write(
    key: string,
    open: () => AnswerBlock,
    delta: BlockDelta | undefined,
    last: readonly BlockDelta[] = [],
  ): Generator<MessageEvent> {
    if (key !== this.#open?.key) {
      yield* this.close();
      this.#open = { key, last };
      this.#index += 1;
      yield { type: "content_block_start", index: this.#index, content_block: open() };
    }
    if (delta) yield { type: "content_block_delta", index: this.#index, delta };
  }

  *close(): Generator<MessageEvent> {
    if (!this.#open) return;
    const { last } = this.#open;
    this.#open = undefined;
    for (const delta of last) yield { type: "content_block_delta", index: this.#index, delta };
    yield { type: "content_block_stop", index: this.#index };
  }
}
