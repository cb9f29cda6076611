import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Cause, diagnose } from "../../src/monitor/diagnosis.ts";
import type { StoredRecord } from "../../src/monitor/record-store.ts";
import { requestRecord } from "../support/request-record.ts";

const minute = 60_000;

describe("diagnosis", () => {
  const asked = { session: "s", system: "1", tools: "1", prefixTokensCreated: 50 };
  const absent = { question: "q", responseCache: "miss", responseMiss: "absent" } as const;
  const other = { ...absent, question: "other", isStored: true } as const;
  const stored = { ...absent, isStored: true } as const;
  const cases: readonly [string, readonly Partial<StoredRecord>[], readonly Cause[]][] = [
    ["a question that is new", [absent], ["new-questions"]],
    ["an answer that is too old", [{ ...absent, responseMiss: "expired" }], ["expired"]],
    ["a stored answer that was not wanted", [{ ...absent, responseMiss: "bypassed" }], [
      "bypassed",
    ]],
    [
      "an answer that had to leave the disk",
      [stored, { ...other, evictedFromDisk: 1 }, absent],
      ["new-questions", "evicted-from-disk"],
    ],
    ["an answer that somebody cleared", [stored, absent], ["new-questions"]],
    [
      "an answer that was on disk only, because memory was full",
      [stored, { ...other, evictedFromMemory: 1 }, { question: "q", responseCache: "sqlite" }],
      ["new-questions", "evicted-from-memory"],
    ],
    [
      "an answer that was on disk only, after a restart",
      [stored, { question: "q", responseCache: "sqlite" }],
      ["new-questions"],
    ],
    ["other tools", [asked, { ...asked, tools: "2" }], ["tools-changed"]],
    ["another system prompt", [asked, { ...asked, system: "2" }], ["system-changed"]],
    ["the tools of another agent", [asked, { ...asked, agent: "a", tools: "2" }], []],
    ["another session", [asked, { ...asked, session: "t", tools: "2" }], []],
    ["a prefix that was evicted", [asked, { ...asked, missReason: "evicted" }], [
      "prefix-evicted",
    ]],
    ["a conversation that goes on", [asked, { ...asked, missReason: "diverged" }], []],
    [
      "a prompt cache that has expired",
      [
        { ...asked, mode: "claude", startedAt: 0 },
        { ...asked, mode: "claude", startedAt: 6 * minute, prefixTokensReused: 0 },
      ],
      ["prompt-cache-expired"],
    ],
    [
      "a prompt cache that was read in time",
      [
        { ...asked, mode: "claude", startedAt: 0 },
        { ...asked, mode: "claude", startedAt: 4 * minute, prefixTokensReused: 0 },
      ],
      [],
    ],
  ];
  for (const [what, records, causes] of cases) {
    test(`knows ${what}`, () => {
      const found = diagnose(records.map((each) => ({ ...requestRecord(each), project: "p" })));

      assertEquals(found.map(({ cause }) => cause).toSorted(), causes.toSorted());
    });
  }

  test("names the costliest first, with tokens and the lowest position", () => {
    const records = [
      asked,
      { ...asked, tools: "2", prefixTokensCreated: 100 },
      { ...asked, tools: "2", system: "2", prefixTokensCreated: 5000, missPosition: 700 },
      { ...asked, tools: "2", system: "3", prefixTokensCreated: 4000, missPosition: 600 },
    ];

    assertEquals(diagnose(records.map((each) => ({ ...requestRecord(each), project: "p" }))), [
      { cause: "system-changed", requests: 2, tokens: 9000, position: 600 },
      { cause: "tools-changed", requests: 1, tokens: 100, position: undefined },
    ]);
  });
});
