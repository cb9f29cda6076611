import { isRecord } from "../../core/is-record.ts";

/**
 * A JSON schema without what compilers of grammars refuse: only what gives values their shape and
 * what explains them is kept. Whoever called for the schema still checks values against the whole.
 */
export function toSimpleSchema(schema: unknown): unknown {
  if (!isRecord(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]) => {
      const simplified = simplify.get(keyword);
      return simplified ? [[keyword, simplified(value)]] : [];
    }),
  );
}

/** By keyword, and only where one may stand: a property can be called `pattern`. */
const simplify = new Map<string, (value: unknown) => unknown>([
  ...["type", "title", "description", "default", "nullable", "enum", "const", "required", "$ref"]
    .map((keyword) => [keyword, itself] as const),
  ...["properties", "$defs", "definitions"].map((keyword) => [keyword, ofEach] as const),
  ...["items", "prefixItems", "anyOf", "oneOf", "allOf"]
    .map((keyword) => [keyword, ofOneOrAll] as const),
  // Most compilers know whether there may be other properties, but no schema for them.
  ["additionalProperties", (value) => isRecord(value) ? true : value],
]);

function itself(value: unknown): unknown {
  return value;
}

function ofEach(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, schema]) => [name, toSimpleSchema(schema)]),
  );
}

function ofOneOrAll(value: unknown): unknown {
  return Array.isArray(value) ? value.map(toSimpleSchema) : toSimpleSchema(value);
}
