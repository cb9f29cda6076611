import { spawnSync } from "node:child_process";
import { isAlive } from "../../../src/supervisor/child.ts";
import { until } from "./until.ts";
import type { World } from "./world.ts";

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every process that descends from this one, nearest first. */
export function descendants(pid: number): readonly Process[] {
  const all = list();
  const found: Process[] = [];
  let generation = [pid];
  while (generation.length > 0) {
    const children = all.filter(({ parent }) => generation.includes(parent));
    found.push(...children);
    generation = children.map((child) => child.pid);
  }
  return found;
}

/** The MLX servers that were started in this world, whoever is their parent by now. */
export function serversOf({ env }: World): readonly number[] {
  const home = env["ANYCLAUDE_HOME"] ?? "";
  return list()
    .filter(({ command }) => command.includes("anyclaude_mlx") && command.includes(home))
    .map(({ pid }) => pid)
    .filter(isAlive);
}

/** What they were saving is on the disk then. */
export async function untilServersEnded(world: World): Promise<void> {
  const servers = serversOf(world);
  const areGone = () => serversOf(world).length === 0 && !servers.some(isAlive);
  await until("the end of all servers", areGone, { seconds: 15 });
}

/** By their numbers: what ends loses its command line first, and gives its locks back later. */
export async function untilEnded(pids: readonly number[]): Promise<void> {
  await until("the end of processes", () => !pids.some(isAlive));
}

export function list(): readonly Process[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, command] = line.match(/^\s*(\d+)\s+(\d+)\s+(.*)$/) ?? [];
    return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}
