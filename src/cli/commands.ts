import type { CommandDef } from "citty";

// deno-lint-ignore no-explicit-any -- citty's own type of a command with any arguments
export type Command = CommandDef<any>;

/** Every command, loaded when it is wanted: a start does not pay for what it does not run. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import("./command/serve.ts")).serve,
  server: async () => (await import("./command/server.ts")).server,
  models: async () => (await import("./command/models.ts")).models,
  doctor: async () => (await import("./command/doctor.ts")).doctor,
  env: async () => (await import("./command/env.ts")).env,
  cache: async () => (await import("./command/cache.ts")).cache,
  stats: async () => (await import("./command/stats.ts")).stats,
  logs: async () => (await import("./command/logs.ts")).logs,
  upgrade: async () => (await import("./command/upgrade.ts")).upgrade,
  uninstall: async () => (await import("./command/uninstall.ts")).uninstall,
  completion: async () => (await import("./command/completion.ts")).completion,
};

export interface Argument {
  readonly name: string;
  /** What is put in for it, such as `file`; undefined for a switch. */
  readonly value: string | undefined;
  /** How it is written, the long form first; nothing for one that is known by its place. */
  readonly options: readonly string[];
  readonly meaning: string;
}

/** The arguments of a command, in the order in which it names them. */
export function argumentsOf({ args }: Command): readonly Argument[] {
  return Object.entries(args as Readonly<Record<string, Definition>> ?? {}).map((
    [name, { type, alias, valueHint, description = "" }],
  ) => ({
    name,
    value: type === "string" ? valueHint ?? "text" : undefined,
    options: type === "positional" ? [] : [`--${name}`, ...(alias ? [`-${alias}`] : [])],
    meaning: description,
  }));
}

export function descriptionOf({ meta }: Command): string {
  return (meta as { readonly description?: string } | undefined)?.description ?? "";
}

interface Definition {
  readonly type?: string;
  readonly alias?: string;
  readonly valueHint?: string;
  readonly description?: string;
}
