import type { AnswerBlock, BlockDelta, MessageEvent } from "../protocol/anthropic.ts";

/** Anthropic streams one content block at a time; a new key closes the open block first. */
export class BlockWriter {
  #events: MessageEvent[] = [];
  #index = -1;
  #open: { readonly key: string; readonly last: readonly BlockDelta[] } | undefined;

  /** What was written since it was asked last. Not a generator: that costs more than the writing. */
  take(): readonly MessageEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  isOpen(key: string): boolean {
    return this.#open?.key === key;
  }

  /** `last`: deltas written when the block is closed. */
  write(
    key: string,
    open: () => AnswerBlock,
    delta: BlockDelta | undefined,
    last: readonly BlockDelta[] = [],
  ): void {
    if (key !== this.#open?.key) {
      this.close();
      this.#open = { key, last };
      this.#index += 1;
      const content_block = open();
      this.#events.push({ type: "content_block_start", index: this.#index, content_block });
    }
    if (delta) this.#events.push({ type: "content_block_delta", index: this.#index, delta });
  }

  close(): void {
    if (!this.#open) return;
    const { last } = this.#open;
    this.#open = undefined;
    for (const delta of last) {
      this.#events.push({ type: "content_block_delta", index: this.#index, delta });
    }
    this.#events.push({ type: "content_block_stop", index: this.#index });
  }
}
