import { setTimeout as delay } from "node:timers/promises";

/** Asks until the answer is not undefined or false; fails with what was waited for. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { seconds = 60, everyMs = 100 } = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await delay(everyMs);
  }
  throw new Error(`Waited ${seconds} s in vain for ${what}`);
}
