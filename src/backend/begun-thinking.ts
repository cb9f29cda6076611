import type { Log } from "../core/log.ts";
import type { ChatRequest } from "../protocol/openai.ts";

/**
 * Models whose chat template begins their thinking in the prompt, on a server that leaves it in the
 * text: the end is then the only tag in their answers (model card of Qwen3-30B-A3B-Thinking-2507,
 * template of DeepSeek-R1; vLLM without `--reasoning-parser`).
 */
export class BegunThinking {
  readonly #log: Log;
  /** By what a template is told; undefined where an answer was no thinking after all. */
  readonly #ends = new Map<string, string | undefined>();

  constructor(log: Log) {
    this.#log = log;
  }

  of({ model, chat_template_kwargs, reasoning_effort }: ChatRequest) {
    const name = JSON.stringify([model, chat_template_kwargs, reasoning_effort]);
    return {
      thinkEnd: this.#ends.get(name),
      onThinkEnd: (end: string | undefined) => {
        // Who was wrong once is not believed again.
        if (end !== undefined && this.#ends.has(name)) return;
        this.#ends.set(name, end);
        const message = `thinking ${end === undefined ? "does not begin" : "begins"} in the prompt`;
        this.#log.info(message, { model, end });
      },
    };
  }
}
