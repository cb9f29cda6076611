import { type Clock, systemClock } from "../../src/core/clock.ts";

/** Real time, faster: waits are not what is tested. */
export const hurriedClock: Clock = {
  now: systemClock.now,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 1), signal),
};
