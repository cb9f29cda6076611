import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ArgumentRepair, repairArguments } from "../../src/translate/repair/argument-repair.ts";
import { cut } from "../support/cut.ts";

const schema = {
  type: "object",
  properties: {
    path: { type: "string" },
    limit: { type: "integer" },
    ratio: { type: "number" },
    deep: { type: "boolean" },
    edits: { type: "array" },
    options: { type: "object" },
    maybe: { type: ["string", "null"] },
    either: { anyOf: [{ type: "integer" }, { type: "boolean" }] },
    mode: { enum: ["a", "b"] },
    free: {},
  },
  required: ["path"],
};

/** What a model wrote, and what can only have been meant by it. */
const meant: readonly (readonly [name: string, written: string, meant: string])[] = [
  ["a number in quotes", `{"path": "a", "limit": "5"}`, `{"path": "a", "limit": 5}`],
  ["a number with a point in quotes", `{"path":"a","ratio":"0.5"}`, `{"path":"a","ratio":0.5}`],
  ["a truth in quotes", `{"deep": "True", "path": "a"}`, `{"deep": true, "path": "a"}`],
  ["a list in quotes", `{"path":"a","edits":"[{\\"a\\": 1}]"}`, `{"path":"a","edits":[{"a": 1}]}`],
  [
    "an object in quotes",
    `{"path":"a","options":"{'a': None}"}`,
    `{"path":"a","options":{"a": null}}`,
  ],
  [
    "quotes around one of two types",
    `{"path":"a","either":"false"}`,
    `{"path":"a","either":false}`,
  ],
  ["a text without quotes", `{"path": 7, "deep": true}`, `{"path": "7", "deep": true}`],
  ["null for what may be left out", `{"path":"a", "limit": null}`, `{"path":"a"}`],
  ["null behind a blank", `{"path": "a" , "limit": null}`, `{"path": "a"}`],
  ["an apostrophe with a backslash", `{"path": "it\\'s"}`, `{"path": "it's"}`],
  ["null first", `{ "limit": null, "path":"a"}`, `{ "path":"a"}`],
  ["null alone", `{"limit": null}`, `{}`],
  [
    "Python's words",
    `{"path": "a", "deep": True, "free": [None, False]}`,
    `{"path": "a", "deep": true, "free": [null, false]}`,
  ],
  [
    "Python's quotes",
    `{'path': 'say "a"', 'free': 'it\\'s'}`,
    `{"path": "say \\"a\\"", "free": "it's"}`,
  ],
  ["keys without quotes", `{path: "a", limit: 5}`, `{"path": "a", "limit": 5}`],
  ["a comma too many", `{"path": "a", "edits": [1, 2,], }`, `{"path": "a", "edits": [1, 2] }`],
  [
    "a bracket missing",
    `{"path": "a", "options": {"a": [1`,
    `{"path": "a", "options": {"a": [1]}}`,
  ],
  ["a bracket too many", `{"path": "a"}}`, `{"path": "a"}`],
  ["a line end in a text", `{"path": "a\n\tb"}`, `{"path": "a\\n\\tb"}`],
  ["JSON in a text", `"{\\"path\\": \\"a\\", \\"limit\\": \\"5\\"}"`, `{"path": "a", "limit": 5}`],
  ["a fence", '```json\n{"path": "a"}\n```', `{"path": "a"}`],
  ["all of it twice", `{"path": "a"}{"path": "a"}`, `{"path": "a"}`],
  ["null alone for all", "null", "{}"],
];

/** What nobody can know, or what only the model can put right. */
const unknown: readonly string[] = [
  ``,
  `{"path": "a`,
  `{"path": `,
  `{"path": "a",`,
  `{"path": "a", "limit": "five"}`,
  `{"path": "a", "limit": "5.5"}`,
  `{"path": "a", "deep": "yes"}`,
  `{"path": {"a": 1}}`,
  `{"path": null}`,
  `{"path": "a", "edits": "a"}`,
  `{"path": "a", "options": "[1]"}`,
  `{"path": "C:\\Users"}`,
  `{"path": 'it's'}`,
  `{"path": "a" "limit": 5}`,
  `{"path": "a"}{"path": "b"}`,
  `{"path": "a"} and so on`,
  `{"path": nothing}`,
  `path: a`,
  `[{"path": "a"}]`,
  `{"path": "\\ud8`,
  `${`{"free":`.repeat(300)}1${"}".repeat(299)}`,
];

const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 });

describe("arguments that can be meant in one way only", () => {
  for (const [name, written, expected] of meant) {
    test(`are repaired: ${name}`, () => {
      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(told(written, each), { json: expected, isAltered: true });
        }),
        { examples: [[[1]], [[1000]]] },
      );
    });

    test(`are right once repaired: ${name}`, () => {
      assertEquals(told(expected, [3]), { json: expected, isAltered: false });
    });
  }

  test("are not completed when they were cut off", () => {
    assertEquals(told(`{"path": "a"`, [3], true), { json: `{"path": "a"`, isAltered: false });
  });
});

describe("arguments that cannot be repaired", () => {
  for (const written of unknown) {
    test(`reach the client as they were: ${written.slice(0, 40)}`, () => {
      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(told(written, each), { json: written, isAltered: false });
        }),
        { examples: [[[1]], [[1000]]] },
      );
    });
  }
});

describe("any arguments", () => {
  const fitting = fc.record({
    path: fc.string({ unit: "grapheme" }),
    limit: fc.integer(),
    ratio: fc.double({ noNaN: true, noDefaultInfinity: true }),
    deep: fc.boolean(),
    edits: fc.array(fc.jsonValue()),
    options: fc.dictionary(fc.string(), fc.jsonValue()),
    maybe: fc.option(fc.string()),
    either: fc.oneof(fc.integer(), fc.boolean()),
    mode: fc.constantFrom("a", "b"),
    free: fc.jsonValue(),
    more: fc.jsonValue(),
  }, { requiredKeys: ["path"] });
  const indents = fc.constantFrom(undefined, 1, "\t");

  test("pass byte for byte when they are right", () => {
    fc.assert(
      fc.property(fitting, indents, sizes, (value, indent, each) => {
        const written = JSON.stringify(value, undefined, indent);
        assertEquals(told(written, each), { json: written, isAltered: false });
      }),
    );
  });

  const pieces = fc.constantFrom(
    ...[
      `{`,
      `}`,
      `[`,
      `]`,
      `,`,
      `:`,
      `"`,
      `'`,
      `\\`,
      `\n`,
      ` `,
      `-`,
      `1`,
      `.5`,
      `True`,
      `null`,
      `x`,
    ],
    ...[`"path"`, `"limit"`, `"a": `, `"5"`, `"{}"`, "```", `\\u00e`, `\\'`],
  );
  const odd = fc.array(pieces, { maxLength: 20 }).map((each) => `{${each.join("")}}`);

  test("are JSON at the end, or exactly what the model wrote", () => {
    fc.assert(
      fc.property(odd, sizes, fc.boolean(), (written, each, isCut) => {
        const { json } = told(written, each, isCut);
        if (json !== written) JSON.parse(json);
      }),
      { numRuns: 5000 },
    );
  });

  test("mean the same wherever they are cut", () => {
    fc.assert(
      fc.property(odd, sizes, (written, each) => {
        assertEquals(told(written, each), told(written, [1000]));
      }),
      { numRuns: 5000 },
    );
  });

  test("do not change when they are repaired again", () => {
    fc.assert(
      fc.property(odd, (written) => {
        const repaired = repairArguments(written, schema, true);
        if (repaired !== undefined) assertEquals(repairArguments(repaired, schema, true), repaired);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("a long text in arguments", () => {
  test("comes as it is written", () => {
    const repair = new ArgumentRepair(() => schema);

    assertEquals(repair.feed(`{"pa`), "{");
    assertEquals(repair.feed(`th": "Once `), `"path": "Once `);
    assertEquals(repair.feed("upon "), "upon ");
  });

  test("waits from the first thing that is not right", () => {
    const repair = new ArgumentRepair(() => schema);

    assertEquals(repair.feed(`{"deep": True, "path": "Once `), "{");
    assertEquals(repair.feed(`upon a time"}`), "");
    assertEquals(repair.finish(false), `"deep": true, "path": "Once upon a time"}`);
  });
});

describe("arguments of a tool without a schema", () => {
  test("may be of any type", () => {
    const written = `{"limit": "5", "path": 7, "deep": null}`;

    assertEquals(repairArguments(written, {}, true), written);
  });
});

function told(written: string, each: readonly number[], isCut = false) {
  const repair = new ArgumentRepair(() => schema);
  let json = cut(written, each).map((piece) => repair.feed(piece)).join("");
  assert(written.startsWith(json), "gave out what was not right");
  json += repair.finish(isCut);
  return { json, isAltered: repair.isAltered };
}
