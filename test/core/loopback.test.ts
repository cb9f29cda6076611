import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { toLoopbackExemptions } from "../../src/core/loopback.ts";

const proxy = { https_proxy: "http://proxy.test:3128" };

describe("loopback", () => {
  const cases: readonly [string, Record<string, string>, string | undefined][] = [
    ["is not spoken of where there is no proxy", { NO_PROXY: "x" }, undefined],
    ["is exempted from a proxy", proxy, "127.0.0.1,localhost,::1"],
    [
      "is added to what the user exempts",
      { ...proxy, no_proxy: "intern.test, localhost" },
      "intern.test,localhost,127.0.0.1,::1",
    ],
    [
      "takes the spelling that wins",
      { ...proxy, NO_PROXY: "a", no_proxy: "b" },
      "b,127.0.0.1,localhost,::1",
    ],
    ["needs nothing where all is exempted", { ...proxy, NO_PROXY: "*" }, undefined],
    ["needs nothing where the proxy is empty", { HTTP_PROXY: "" }, undefined],
  ];
  for (const [name, environment, expected] of cases) {
    test(name, () => {
      const told = toLoopbackExemptions(environment);

      assertEquals([told["NO_PROXY"], told["no_proxy"]], [expected, expected]);
    });
  }
});
