import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a folder holds, by path. */
export type Files = Readonly<Record<string, string>>;

export const chatTemplate = "{% if tools %}{{ tools }}{% endif %}{{ messages }}";

/** A model of two layers with a window of 4,096 tokens; 512 bytes of keys and values for each. */
export const modelFiles: Files = {
  "config.json": JSON.stringify({
    ...{ model_type: "llama", num_hidden_layers: 2, num_attention_heads: 2, hidden_size: 64 },
    ...{ max_position_embeddings: 4096 },
  }),
  "model.safetensors": "w".repeat(1000),
  "tokenizer.json": "{}",
  "tokenizer_config.json": JSON.stringify({ chat_template: chatTemplate }),
};

export function writeFiles(folder: string, files: Files): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const commit = "0123456789abcdef0123456789abcdef01234567";

/** As huggingface_hub keeps a model: files by their hash, and links that give them names. */
export function writeRepository(folder: string, files: Files): string {
  const snapshot = join(folder, "snapshots", commit);
  for (const [path, content] of Object.entries(files)) {
    const name = path.replaceAll("/", "-");
    writeFiles(folder, { [`blobs/${name}`]: content });
    mkdirSync(snapshot, { recursive: true });
    symlinkSync(join("..", "..", "blobs", name), join(snapshot, path));
  }
  writeFiles(folder, { "refs/main": commit });
  return snapshot;
}
