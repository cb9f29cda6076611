/**
 * A user's machine for one test: an empty home, a project folder with a space in its name, and
 * the command line under test. Python environments are shared between tests, to make them once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";

export const root = join(import.meta.dirname ?? ".", "..", "..", "..");
const bin = join(root, "node_modules", ".bin");

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface World extends Disposable {
  readonly home: string;
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where anyclaude keeps what it has to remember. */
  readonly state: string;
  /** Runs the command line to its end, without a terminal. */
  anyclaude(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** Starts it, by way of another program if one is given, and leaves it running until the end. */
  start(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
    by?: readonly string[],
  ): Running;
}

export interface Running {
  readonly child: ChildProcess;
  readonly exited: Promise<Ran>;
  /** The first whole line on standard output; rejects when the process ends without one. */
  readonly firstLine: Promise<string>;
  /** Asks it to end, as a system that shuts down does, and waits for that. */
  end(): Promise<Ran>;
}

/** The command line under test: from source, unless `ANYCLAUDE_BINARY` names a compiled one. */
export function anyclaudeCommand(): readonly [string, ...string[]] {
  const binary = process.env["ANYCLAUDE_BINARY"];
  return binary ? [binary] : [join(bin, "bun"), join(root, "src", "main.ts")];
}

/**
 * State of its own, so that no answer of an earlier test is given again, and no server stays;
 * a shared cache folder.
 */
function anyclaudeHome(folder: string, config: object): string {
  const own = join(folder, "anyclaude");
  const shared = join(root, ".cache", "e2e home", "cache");
  mkdirSync(own);
  mkdirSync(shared, { recursive: true });
  symlinkSync(shared, join(own, "cache"));
  writeFileSync(join(own, "config.json"), JSON.stringify({ serverWarmSeconds: 0, ...config }));
  return own;
}

export function createWorld(config: object = {}): World {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "any claude ")));
  const home = join(folder, "home");
  const project = join(folder, "my project");
  mkdirSync(home);
  cpSync(join(root, "test", "fixtures", "project"), project, { recursive: true });
  acceptFirstRunScreens(home, project);
  const anyclaude = anyclaudeHome(folder, config);
  const env = {
    ...networkSettings(),
    HOME: home,
    PATH: [bin, process.env["PATH"]].join(delimiter),
    TERM: "xterm-256color",
    LANG: "C.UTF-8",
    SHELL: "/bin/sh",
    ANYCLAUDE_HOME: anyclaude,
  };
  const running: ChildProcess[] = [];

  function start(
    args: readonly string[],
    extra: Readonly<Record<string, string>> = {},
    by: readonly string[] = [],
  ): Running {
    const [program = "", ...before] = [...by, ...anyclaudeCommand()];
    const child = spawn(program, [...before, ...args], {
      cwd: project,
      env: { ...env, ...extra },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.push(child);
    return observe(child);
  }

  return {
    home,
    project,
    env,
    state: join(anyclaude, "state"),
    start,
    anyclaude: (args, extra) => start(args, extra).exited,
    [Symbol.dispose]() {
      for (const child of running) {
        if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

export function observe(child: ChildProcess): Running {
  let stdout = "";
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const exited = new Promise<Ran>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("\n")) resolve(stdout.slice(0, stdout.indexOf("\n")));
    });
    exited.then(() => reject(new Error(`Ended without a line: ${stderr}`)));
  });
  firstLine.catch(() => {});
  const end = async () => {
    child.kill("SIGTERM");
    return await exited;
  };
  return { child, exited, firstLine, end };
}

/** How this machine reaches package registries; everything else a user would not have is left out. */
export function networkSettings(): Record<string, string> {
  const names = /^(SSL_CERT_|PIP_|UV_|(https?|no)_proxy$)/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      names.test(name) && value !== undefined ? [[name, value]] : []
    ),
  );
}

/** Otherwise the TUI asks for a theme and for trust before anything else. */
function acceptFirstRunScreens(home: string, project: string): void {
  const settings = {
    hasCompletedOnboarding: true,
    theme: "dark",
    projects: { [project]: { hasTrustDialogAccepted: true } },
  };
  writeFileSync(join(home, ".claude.json"), JSON.stringify(settings));
}
