import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Health } from "../../src/supervisor/health.ts";
import { judge, patienceMs, type Sighting } from "../../src/supervisor/judge.ts";

const model = { id: "tiny", contextLength: 100, fingerprint: "f" };
const pid = fc.integer({ min: 1, max: 3 });
const health: fc.Arbitrary<Health> = fc.oneof(
  fc.record({ status: fc.constant("ready" as const), pid, model: fc.constant(model) }),
  fc.record({ status: fc.constant("failed" as const), pid, reason: fc.constant("No weights") }),
  fc.record({ status: fc.constant("loading" as const), pid }),
  fc.constant({ status: "absent" as const }),
);
const sighting: fc.Arbitrary<Sighting> = fc.record({
  health,
  isAlive: fc.boolean(),
  waitedMs: fc.integer({ min: 0, max: 2 * patienceMs }),
});

describe("a registered server", () => {
  test("is used only if it says that it is the one, and has not failed", () => {
    fc.assert(fc.property(pid, sighting, (registered, seen) => {
      const isIt = "pid" in seen.health && seen.health.pid === registered;

      const verdict = judge(registered, seen);

      assertEquals(verdict === "use", isIt && seen.health.status !== "failed");
    }));
  });

  test("is waited for while there is doubt, and not for ever", () => {
    fc.assert(fc.property(pid, sighting, (registered, seen) => {
      const isInDoubt = !("pid" in seen.health) && seen.isAlive;

      const verdict = judge(registered, seen);

      assertEquals(verdict === "ask again", isInDoubt && seen.waitedMs < patienceMs);
    }));
  });

  test("whose process is gone is replaced at once, whoever answers in its place", () => {
    const seen = { isAlive: false, waitedMs: 0 };

    assertEquals(judge(1, { health: { status: "absent" }, ...seen }), "replace");
    assertEquals(judge(1, { health: { status: "ready", pid: 2, model }, ...seen }), "replace");
  });

  test("that loads its model is as good as one that is ready", () => {
    const seen = { isAlive: true, waitedMs: 0 };

    assert(judge(1, { health: { status: "loading", pid: 1 }, ...seen }) === "use");
  });
});
