import type { AnswerBlock, BlockDelta, MessageEvent } from "../../protocol/anthropic.ts";

/** What a kind of block looks like on the wire. */
export interface BlockForm {
  readonly open: () => AnswerBlock;
  readonly toDelta: (piece: string) => BlockDelta;
  /** Written when the block is closed. */
  readonly last?: readonly BlockDelta[];
}

/** Anthropic streams one content block at a time; a new key closes the open block first. */
export class BlockWriter {
  #events: MessageEvent[] = [];
  #index = -1;
  #open: { readonly key: string; readonly form: BlockForm } | undefined;
  /** Half a character: servers that count in UTF-16 cut between the halves. */
  #half = "";

  /** What was written since it was asked last. Not a generator: that costs more than the writing. */
  take(): readonly MessageEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  isOpen(key: string): boolean {
    return this.#open?.key === key;
  }

  /** An empty piece only opens the block. */
  write(key: string, form: BlockForm, piece: string): void {
    if (key !== this.#open?.key) {
      this.close();
      this.#open = { key, form };
      this.#index += 1;
      const content_block = form.open();
      this.#events.push({ type: "content_block_start", index: this.#index, content_block });
    }
    const whole = this.#half + piece;
    this.#half = isHalf(whole.charCodeAt(whole.length - 1)) ? whole.slice(-1) : "";
    this.#tell(form, this.#half === "" ? whole : whole.slice(0, -1));
  }

  close(): void {
    if (!this.#open) return;
    const { form } = this.#open;
    this.#open = undefined;
    this.#tell(form, this.#half);
    this.#half = "";
    for (const delta of form.last ?? []) {
      this.#events.push({ type: "content_block_delta", index: this.#index, delta });
    }
    this.#events.push({ type: "content_block_stop", index: this.#index });
  }

  #tell({ toDelta }: BlockForm, piece: string): void {
    if (piece === "") return;
    this.#events.push({ type: "content_block_delta", index: this.#index, delta: toDelta(piece) });
  }
}

/** The first of two code units that are one character. */
function isHalf(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
