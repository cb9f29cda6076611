import type { Connection } from "./connection.ts";
import type { ListedModel, ServerKindName } from "./server-kinds.ts";

/** What a server says of one of its models; undefined is unknown. */
export interface ModelFacts {
  /** Tokens of prompt and answer together. */
  readonly contextLength: number | undefined;
  readonly seesImages: boolean | undefined;
}

export interface Question {
  readonly connection: Connection;
  readonly model: string;
  /** As `/v1/models` lists it, if it does. */
  readonly listed: ListedModel | undefined;
  readonly signal: AbortSignal;
}

/** Asked of the server where it knows better than its list of models, which any router passes on. */
export async function askFacts(kind: ServerKindName, question: Question): Promise<ModelFacts> {
  const listed = toListedFacts(question.listed);
  const asked = await asking[kind]?.(question);
  return {
    contextLength: asked?.contextLength ?? (asked?.isOnlyTruth ? undefined : listed.contextLength),
    seesImages: asked?.seesImages ?? listed.seesImages,
  };
}

/** Windows as vLLM, SGLang, OpenRouter, ours and others list them. */
export function toListedFacts(model: ListedModel = {}): ModelFacts {
  const provider = objectIn(model, "top_provider");
  return {
    contextLength: countIn(
      ...[provider["context_length"], model["context_length"], model["max_model_len"]],
      model["max_context_length"],
    ),
    seesImages: includesImage(objectIn(model, "architecture")["input_modalities"]),
  };
}

interface Asked extends Partial<ModelFacts> {
  /** What is listed is what the model could do, not what it was loaded for. */
  readonly isOnlyTruth?: boolean;
}

const asking: Partial<Record<ServerKindName, (question: Question) => Promise<Asked>>> = {
  async "llama.cpp"({ connection, model, signal }) {
    // Which model is meant matters where one server routes to several.
    const path = `/props?model=${encodeURIComponent(model)}`;
    const props = await connection.tryJson(path, { signal });
    return {
      contextLength: countIn(objectIn(props, "default_generation_settings")["n_ctx"]),
      seesImages: truthIn(objectIn(props, "modalities")["vision"]),
      isOnlyTruth: true,
    };
  },

  async lmstudio({ connection, model, signal }) {
    const answer = await connection.tryJson("/api/v0/models", { signal });
    const found = entryOf(objectOf(answer)["data"], "id", [model]);
    const type = found["type"];
    return {
      contextLength: countIn(found["loaded_context_length"]),
      seesImages: typeof type === "string" ? type === "vlm" : undefined,
      isOnlyTruth: true,
    };
  },

  async ollama({ connection, model, signal }) {
    const names = [model, `${model}:latest`];
    const [running, shown] = await Promise.all([
      connection.tryJson("/api/ps", { signal }),
      connection.tryJson("/api/show", { signal, body: JSON.stringify({ model }) }),
    ]);
    const loaded = entryOf(objectOf(running)["models"], "name", names);
    const { remote_host: remote, capabilities } = objectOf(shown);
    // What runs in Ollama's cloud is loaded nowhere, and has the whole window.
    const whole = Object.entries(objectIn(shown, "model_info"))
      .find(([name]) => name.endsWith(".context_length"))?.[1];
    return {
      contextLength: countIn(loaded["context_length"], remote ? whole : undefined),
      seesImages: Array.isArray(capabilities) ? capabilities.includes("vision") : undefined,
      isOnlyTruth: true,
    };
  },

  async sglang({ connection, signal }) {
    const info = await connection.tryJson("/get_model_info", { signal });
    return { seesImages: truthIn(objectOf(info)["has_image_understanding"]) };
  },
};

function entryOf(list: unknown, property: string, names: readonly string[]): ListedModel {
  const entries = Array.isArray(list) ? list.map(objectOf) : [];
  return entries.find((entry) => names.includes(String(entry[property]))) ?? {};
}

function objectIn(value: unknown, property: string): ListedModel {
  return objectOf(objectOf(value)[property]);
}

/** Its fields; none where it is no object. */
export function objectOf(value: unknown): ListedModel {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function countIn(...values: readonly unknown[]): number | undefined {
  return values.find((value) => typeof value === "number" && value > 0) as number | undefined;
}

function truthIn(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

function includesImage(modalities: unknown): boolean | undefined {
  return Array.isArray(modalities) ? modalities.includes("image") : undefined;
}
