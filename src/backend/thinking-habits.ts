import type { Log } from "../core/log.ts";
import type { ChatRequest } from "../protocol/openai.ts";

/**
 * Models whose chat template begins their thinking in the prompt, on a server that leaves it in the
 * text: the end is then the only tag in their answers (model card of Qwen3-30B-A3B-Thinking-2507,
 * template of DeepSeek-R1; vLLM without `--reasoning-parser`). Believed from an answer that shows it
 * until one that does not.
 */
export class ThinkingHabits {
  readonly #log: Log;
  /** The tags, by what a template is told. */
  readonly #ends = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  of({ model, chat_template_kwargs, reasoning_effort, response_format }: ChatRequest) {
    // A grammar leaves no room for thinking.
    if (response_format) return { thinkEnd: undefined, onThinkEnd: () => {} };
    const name = JSON.stringify([model, chat_template_kwargs, reasoning_effort]);
    return {
      thinkEnd: this.#ends.get(name),
      onThinkEnd: (end: string | undefined) => {
        if (end === undefined) this.#ends.delete(name);
        else this.#ends.set(name, end);
        const message = `thinking ${end === undefined ? "does not begin" : "begins"} in the prompt`;
        this.#log.info(message, { model, end });
      },
    };
  }
}
