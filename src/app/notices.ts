/** What the user is told, as long as the terminal is not Claude Code's. */
export class Notices {
  readonly #tell: (line: string) => void;
  #isOver = false;
  #nextLoadingMs = 3000;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  readonly tell = (line: string): void => {
    if (!this.#isOver) this.#tell(line);
  };

  /** A line after three seconds, and one every fifteen from then on. */
  tellLoading(model: string, waitedMs: number): void {
    if (waitedMs < this.#nextLoadingMs) return;
    this.#nextLoadingMs = waitedMs + 15_000;
    this.tell(`Waiting for the server to load ${model} (${Math.round(waitedMs / 1000)} s)`);
  }

  stop(): void {
    this.#isOver = true;
  }
}
