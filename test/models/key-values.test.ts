import { describe, test } from "node:test";
import { readFileSync } from "node:fs";
import { assertEquals } from "@std/assert";
import { keyValueBytes } from "../../src/models/key-values.ts";
import type { ModelConfig } from "../../src/models/model-config.ts";

interface Measured {
  readonly name: string;
  readonly tokens: number;
  readonly bytes: number;
  readonly config: ModelConfig;
}

const measured = JSON.parse(
  readFileSync(new URL("../fixtures/key-values.json", import.meta.url), "utf8"),
) as readonly Measured[];

describe("keys and values", () => {
  for (const { name, tokens, bytes, config } of measured) {
    test(`take what mlx-lm was seen to keep: ${name}`, () => {
      assertEquals(keyValueBytes(config, tokens), bytes);
    });
  }

  test("take half of that in half precision, which is usual", () => {
    const { config, tokens, bytes } = measured[0]!;
    const { torch_dtype: _, ...usual } = config;

    assertEquals(keyValueBytes(usual, tokens), bytes / 2);
  });

  for (const missing of ["num_hidden_layers", "num_attention_heads"]) {
    test(`are unknown without ${missing}`, () => {
      const { config } = measured[0]!;
      const { head_dim: _, num_key_value_heads: __, [missing]: ___, ...rest } = config;

      assertEquals(keyValueBytes(rest, 1000), undefined);
    });
  }
});
