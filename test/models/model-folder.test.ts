import { describe, test } from "node:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { readModelFolder } from "../../src/models/model-folder.ts";
import { chatTemplate, type Files, modelFiles, writeFiles } from "../support/model-files.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const { "model.safetensors": _, ...withoutWeights } = modelFiles;
const parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
const index = JSON.stringify({ weight_map: { a: parts[0], b: parts[1] } });

describe("a model's folder", () => {
  test("tells size, context, tools and what a prompt takes", () => {
    using folder = temporaryFolder();
    writeFiles(folder.path, { ...modelFiles, "README.md": "more" });

    const { keyValueBytes, ...facts } = readModelFolder(folder.path)!;

    assertEquals(facts, { weightBytes: 1000, contextLength: 4096, tools: true });
    assertEquals(keyValueBytes(1000), 512_000);
  });

  const absent: readonly { readonly what: string; readonly files: Files }[] = [
    { what: "without weights", files: withoutWeights },
    { what: "with other weights than those of mlx", files: { ...withoutWeights, "a.bin": "w" } },
    {
      what: "with a part of the weights that its index names",
      files: { ...withoutWeights, [parts[0]]: "w", "model.safetensors.index.json": index },
    },
    { what: "whose config is no JSON", files: { ...modelFiles, "config.json": "{" } },
    { what: "whose config names no kind", files: { ...modelFiles, "config.json": "{}" } },
  ];
  for (const { what, files } of absent) {
    test(`${what} is none`, () => {
      using folder = temporaryFolder();
      writeFiles(folder.path, files);

      assertEquals(readModelFolder(folder.path), undefined);
    });
  }

  test("with all weights of its index is one", () => {
    using folder = temporaryFolder();
    writeFiles(folder.path, {
      ...withoutWeights,
      ...{ [parts[0]]: "ww", [parts[1]]: "www", "model.safetensors.index.json": index },
    });

    assertEquals(readModelFolder(folder.path)?.weightBytes, 5);
  });

  test("takes the window from the tokenizer where the config has none", () => {
    using folder = temporaryFolder();
    const config = JSON.stringify({ model_type: "llama" });
    const read = (length: unknown) => {
      const tokenizer = JSON.stringify({ model_max_length: length });
      writeFiles(folder.path, {
        ...{ ...modelFiles, "config.json": config, "tokenizer_config.json": tokenizer },
      });
      return readModelFolder(folder.path)?.contextLength;
    };

    assertEquals([read(8192), read(1e30), read(undefined)], [8192, 32768, 32768]);
  });

  const named = (...templates: readonly string[]) =>
    JSON.stringify({ chat_template: templates.map((template) => ({ name: "a", template })) });
  const templates: readonly { readonly files: Files; readonly tools: boolean | undefined }[] = [
    { files: { "tokenizer_config.json": "{}" }, tools: undefined },
    { files: { "chat_template.jinja": "{{ messages }} with tools" }, tools: false },
    { files: { "chat_template.jinja": "{%- for tool in tools -%}{% endfor %}" }, tools: true },
    { files: { "chat_template.jinja": "{{ builtin_tools }}" }, tools: false },
    {
      files: { "chat_template.json": JSON.stringify({ chat_template: chatTemplate }) },
      tools: true,
    },
    { files: { "tokenizer_config.json": named("{{ messages }}", chatTemplate) }, tools: true },
    { files: { "tokenizer_config.json": named("{{ messages }}") }, tools: false },
  ];
  for (const { files, tools } of templates) {
    const [[where = "", what] = []] = Object.entries(files);
    test(`knows tools or not by its template: ${where} ${what}`, () => {
      using folder = temporaryFolder();
      writeFiles(folder.path, modelFiles);
      rmSync(join(folder.path, "tokenizer_config.json"));
      writeFiles(folder.path, files);

      assertEquals(readModelFolder(folder.path)?.tools, tools);
    });
  }
});
