import { spawnSync } from "node:child_process";
import process from "node:process";
import { toShellWord } from "../../../src/core/shell-word.ts";
import { until } from "./until.ts";

/** A real terminal, by tmux, on a server of its own. */
export interface Terminal extends Disposable {
  /** The process id of the shell in it. */
  readonly pid: number;
  /** Its device. */
  readonly tty: string;
  /** What a program has switched on. */
  modes(): { readonly alternate: boolean; readonly mouse: boolean; readonly cursor: boolean };
  type(text: string): void;
  /** A key by tmux's name: `Enter`, `Escape`, `C-c`. */
  press(key: string): void;
  screen(): string;
  /** Everything that was ever printed, scrolled away or not. */
  history(): string;
  see(what: string | RegExp, seconds?: number): Promise<string>;
}

export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

let terminals = 0;

export function openTerminal(
  command: readonly string[],
  { cwd, env }: { cwd: string; env: Readonly<Record<string, string>> },
): Terminal {
  const socket = `anyclaude-test-${process.pid}-${terminals += 1}`;
  const tmux = (...args: readonly string[]): string => {
    const { stdout, stderr, status } = spawnSync(
      "tmux",
      ["-L", socket, "-f", "/dev/null", ...args],
      {
        encoding: "utf8",
        env: { ...env, TMUX: "" },
      },
    );
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  };
  // The shell keeps the pane open after the command, so that its last words stay readable, and
  // after a Ctrl-C, which reaches it as well.
  tmux(
    ...["new-session", "-d", "-x", "150", "-y", "50", "-c", cwd],
    `trap : INT; ${command.map(toShellWord).join(" ")}; echo "[ended with $?]"; exec cat`,
  );
  const ask = (what: string) => tmux("display-message", "-p", `#{${what}}`).trim();
  const screen = () => tmux("capture-pane", "-p");

  return {
    pid: Number(ask("pane_pid")),
    tty: ask("pane_tty"),
    modes: () => ({
      alternate: ask("alternate_on") === "1",
      mouse: ask("mouse_any_flag") === "1",
      cursor: ask("cursor_flag") === "1",
    }),
    type: (text) => void tmux("send-keys", "-l", text),
    press: (key) => void tmux("send-keys", key),
    screen,
    history: () => tmux("capture-pane", "-p", "-S", "-"),
    see: (what, seconds = 60) =>
      until(`${what} on the screen`, () => {
        const text = screen();
        return (typeof what === "string" ? text.includes(what) : what.test(text)) && text;
      }, { seconds }).catch((error: Error) => {
        throw new Error(`${error.message}. The screen was:\n${screen()}`);
      }),
    [Symbol.dispose]: () => void spawnSync("tmux", ["-L", socket, "kill-server"]),
  };
}
