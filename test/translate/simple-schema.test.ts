import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { toSimpleSchema } from "../../src/translate/request/simple-schema.ts";

describe("a simple schema", () => {
  test("keeps the shape, and drops what grammars cannot express", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      description: "Searches",
      additionalProperties: false,
      required: ["pattern"],
      properties: {
        pattern: { type: "string", pattern: "^\\p{L}+$", minLength: 1, description: "What" },
        format: { type: "string", format: "uri", enum: ["a", "b"], default: "a" },
        limits: {
          type: "array",
          minItems: 1,
          uniqueItems: true,
          items: { type: "integer", exclusiveMinimum: 0, maximum: 9007199254740991 },
        },
        pair: { prefixItems: [{ type: "string", format: "date" }, { $ref: "#/$defs/any" }] },
        either: { anyOf: [{ type: "null" }, { const: 1, title: "One", $comment: "x" }] },
        names: {
          type: "object",
          propertyNames: { pattern: "^x" },
          additionalProperties: { type: "string" },
        },
      },
      $defs: { any: true },
      if: { required: ["pair"] },
      not: {},
    };

    assertEquals(toSimpleSchema(schema), {
      type: "object",
      description: "Searches",
      additionalProperties: false,
      required: ["pattern"],
      properties: {
        pattern: { type: "string", description: "What" },
        format: { type: "string", enum: ["a", "b"], default: "a" },
        limits: { type: "array", items: { type: "integer" } },
        pair: { prefixItems: [{ type: "string" }, { $ref: "#/$defs/any" }] },
        either: { anyOf: [{ type: "null" }, { const: 1, title: "One" }] },
        names: { type: "object", additionalProperties: true },
      },
      $defs: { any: true },
    });
  });

  test("has no meaning for words that every object knows", () => {
    const schema = JSON.parse(
      '{"constructor": 1, "toString": {}, "__proto__": {}, "type": "null"}',
    );

    assertEquals(toSimpleSchema(schema), { type: "null" });
  });
});
