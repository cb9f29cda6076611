import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { sliceJson } from "../../src/protocol/json-slices.ts";

describe("sliceJson", () => {
  test("gives members as they are written, and lists by element", () => {
    const { members, depth } = sliceJson(
      ' {"a" : [ {"b":"]}\\""} , 1.5e3,"," ],\n"c":{"d":[]},"e":[]}\t',
    );

    assertEquals(Object.fromEntries(members ?? []), {
      a: ['{"b":"]}\\""}', "1.5e3", '","'],
      c: '{"d":[]}',
      e: [],
    });
    assertEquals(depth, 3);
  });

  test("cuts any object so that its pieces make the same object", () => {
    fc.assert(
      fc.property(objects, fc.constantFrom(undefined, 1, "\r\n\t "), (value, space) => {
        const { members } = sliceJson(JSON.stringify(value, null, space));

        assertEquals(joined(members), JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
  });

  test("finds pieces that are JSON exactly when the whole is", () => {
    fc.assert(
      fc.property(damaged, (text) => {
        const { members } = sliceJson(text);

        assertEquals(isJson(() => joined(members)), isJson(() => objectIn(text)), text);
      }),
      { numRuns: 1000 },
    );
  });

  test("takes a name for what it means", () => {
    const { members } = sliceJson('{"mess\\u0061ges":[1],"messages":[2]}');

    assertEquals([...members ?? []], [["messages", ["2"]]]);
  });

  for (const text of ["", "5", "[1]", "null", "{", '{"a":1}}', '{"a" 1}', '{"a":1,}', "{a:1}"]) {
    test(`gives no members of ${JSON.stringify(text)}`, () => {
      const { members } = sliceJson(text);

      assert(!isJson(() => joined(members)));
    });
  }

  test("knows how deep a text is, object or not, closed or not", () => {
    const texts = ["[".repeat(10_000), `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`];

    assertEquals(texts.map((text) => sliceJson(text).depth), [10_000, 10_001]);
  });
});

const objects = fc.dictionary(
  fc.string(),
  fc.oneof(
    fc.array(fc.jsonValue()),
    fc.jsonValue(),
    fc.string({ unit: fc.constantFrom(...'\\"{}[],:') }),
  ),
);

/** Texts of objects with some characters dropped, doubled or put in. */
const damaged = fc.tuple(
  objects.map((value) => JSON.stringify(value)),
  fc.array(fc.tuple(fc.nat(200), fc.nat(1), fc.constantFrom(...'\\"{}[],: 0', "")), {
    maxLength: 2,
  }),
).map(([text, edits]) =>
  edits.reduce((edited, [at, dropped, added]) => {
    const place = at % (edited.length + 1);
    return edited.slice(0, place) + added + edited.slice(place + dropped);
  }, text)
);

function joined(members: ReturnType<typeof sliceJson>["members"]): unknown {
  if (!members) throw new SyntaxError("no members");
  return Object.fromEntries(
    [...members].map(([name, slice]) => [
      name,
      typeof slice === "string" ? JSON.parse(slice) : slice.map((each) => JSON.parse(each)),
    ]),
  );
}

function objectIn(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError();
  return value;
}

function isJson(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
