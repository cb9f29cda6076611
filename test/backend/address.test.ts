import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { apiUrl, authorizationOf, rootUrl, withoutSecrets } from "../../src/backend/address.ts";

describe("the address of a server", () => {
  for (
    const [given, expected] of [
      ["http://localhost:1234", "http://localhost:1234/v1"],
      ["http://localhost:1234/", "http://localhost:1234/v1"],
      ["http://localhost:1234/v1", "http://localhost:1234/v1"],
      ["http://localhost:1234/v1/", "http://localhost:1234/v1"],
      ["https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"],
      ["https://host/api/v3", "https://host/api/v3"],
    ] as const
  ) {
    test(`${given} means ${expected}`, () => {
      assertEquals(apiUrl(given), expected);
    });
  }

  test("is never shown with credentials", () => {
    assertEquals(withoutSecrets("https://me:pass@host/v1?key=k"), "https://host/v1");
  });

  test("keeps a query behind every path, and credentials before none", () => {
    const given = "https://me:pass@host/v1/?version=2";

    assertEquals(
      [apiUrl(given, "/models"), rootUrl(given, "/props?model=m"), rootUrl(given)],
      [
        "https://host/v1/models?version=2",
        "https://host/props?version=2&model=m",
        "https://host?version=2",
      ],
    );
  });

  const proofs: readonly [string, string | undefined, string | undefined][] = [
    ["http://h", "key", "Bearer key"],
    ["http://h", undefined, undefined],
    ["http://me:pass@h", "key", `Basic ${btoa("me:pass")}`],
    ["http://token@h", undefined, `Basic ${btoa("token:")}`],
    ["http://me:p%40s%3As@h", undefined, `Basic ${btoa("me:p@s:s")}`],
    ["http://me:50%off@h", undefined, `Basic ${btoa("me:50%off")}`],
  ];
  for (const [baseUrl, apiKey, expected] of proofs) {
    test(`${baseUrl} with ${apiKey ? "a key" : "no key"} proves itself by ${expected}`, () => {
      assertEquals(authorizationOf({ baseUrl, apiKey }), expected);
    });
  }
});
