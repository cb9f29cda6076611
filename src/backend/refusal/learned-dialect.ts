import type { Log } from "../../core/log.ts";
import type { ChatRequest } from "../../protocol/openai.ts";
import type { Dialect } from "../../translate/dialect.ts";
import { toLesson } from "./adaptation.ts";

type Lesson = Partial<Dialect>;

/** A server's dialect as far as it is known by now. Nothing is forgotten while the process lives. */
export class LearnedDialect {
  readonly #log: Log;
  #known: Dialect;

  constructor(known: Dialect, log: Log) {
    this.#known = known;
    this.#log = log;
  }

  get known(): Dialect {
    return this.#known;
  }

  /** Of a request that was taken in the end. */
  keep(lessons: readonly Lesson[]): void {
    for (const lesson of lessons) {
      const before = toName(this.#known);
      this.#known = withLesson(this.#known, lesson);
      // Another request may have learned the same meanwhile.
      if (toName(this.#known) === before) continue;
      const fields = { lesson: toName(lesson) };
      this.#log.warn("model server refused something optional: it is left out now", fields);
    }
  }
}

/** The tries of one request, each with what the refusals so far have taught. */
export class Attempt {
  readonly lessons: Lesson[] = [];
  #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  /** True when another try makes sense. Nothing is learned twice. */
  learn(message: string, sent: ChatRequest): boolean {
    const lesson = toLesson({ message, sent, dialect: this.#dialect });
    if (!lesson || this.lessons.some((each) => toName(each) === toName(lesson))) return false;
    this.lessons.push(lesson);
    this.#dialect = withLesson(this.#dialect, lesson);
    return true;
  }
}

function withLesson(dialect: Dialect, lesson: Lesson): Dialect {
  const without = [...new Set([...dialect.without, ...(lesson.without ?? [])])];
  return { ...dialect, ...lesson, without };
}

function toName(lesson: Lesson): string {
  return Object.entries(lesson).map(([name, value]) => `${name}=${String(value)}`).join(" ");
}
