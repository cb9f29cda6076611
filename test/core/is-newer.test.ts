import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { isNewer } from "../../src/core/is-newer.ts";

describe("a version", () => {
  const cases = [
    ["2.1.330", "2.1.329", true],
    ["2.1.330", "2.1.330", false],
    ["2.1.9", "2.1.330", false],
    ["10.0.0", "9.9.9", true],
    ["1.9.9", "2.0.0", false],
  ] as const;
  for (const [version, than, expected] of cases) {
    test(`${version} is ${expected ? "" : "not "}newer than ${than}`, () => {
      assertEquals(isNewer(version, than), expected);
    });
  }
});
