import { describe, test } from "node:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { assertEquals } from "@std/assert";
import { isAlive } from "../../src/supervisor/child.ts";

/** Its first thread ends alone, by the system call 60; another one goes on. */
const halfDead = `
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print("begun", flush=True)
ctypes.CDLL(None).syscall(60, 0)
`;
const isKnown = process.platform === "linux" && process.arch === "x64";

describe("isAlive", () => {
  test("is true of a process of which one thread still runs", {
    skip: isKnown ? false : "the number of that system call is another one here",
  }, async () => {
    const child = spawn("python3", ["-c", halfDead], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = child.pid ?? 0;
    await once(child.stdout, "data");
    await delay(100);

    const before = isAlive(pid);
    child.kill("SIGKILL");
    await once(child, "exit");

    assertEquals([before, isAlive(pid)], [true, false]);
  });
});
