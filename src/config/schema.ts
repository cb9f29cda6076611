import { isAbsolute } from "node:path";
import * as v from "valibot";

export const modes = ["mlx", "openai", "claude"] as const;
export type Mode = (typeof modes)[number];

/** What a server may be said to be, where it is not recognised. */
export const serverKinds = [
  "vllm",
  "sglang",
  "llama.cpp",
  "lmstudio",
  "ollama",
  "mlx-lm",
  "openrouter",
  "openai",
  "other",
] as const;

/** What a user may call a setting: in the file, in the environment, on the command line. */
export interface SettingNames {
  readonly flag?: string;
  /** What stands behind the flag; undefined for a switch. */
  readonly hint?: string;
  /** Some variables mean something in one mode only: a key is for the server it was made for. */
  readonly variables?: Readonly<Partial<Record<Mode | "any", string>>>;
  readonly meaning: string;
}

const text = v.pipe(v.string("expected text"), v.trim(), v.nonEmpty("expected some text"));
const url = v.pipe(
  text,
  v.check(isHttpUrl, "expected an address such as http://localhost:1234/v1"),
);
const count = (most: number, least = 0) => {
  const range = `expected a whole number from ${least} to ${most}`;
  return v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number))], range),
    v.integer(range),
    v.minValue(least, range),
    v.maxValue(most, range),
  );
};
const onOff = v.union([
  v.boolean(),
  v.pipe(v.string(), v.transform((value) => !["", "0", "false", "off", "no"].includes(value))),
]);

/** Every setting, its default beside it. */
export const configSchema = v.strictObject({
  mode: v.optional(v.picklist(modes, `expected one of ${modes.join(", ")}`), "mlx"),
  model: v.optional(text),
  baseUrl: v.optional(url),
  apiKey: v.optional(text),
  serverKind: v.optional(v.picklist(serverKinds, `expected one of ${serverKinds.join(", ")}`)),
  contextLength: v.optional(count(100_000_000, 1)),
  claudePath: v.optional(text),
  noAutoLaunch: v.optional(onOff, false),
  cacheSize: v.optional(count(1_000_000), 256),
  cacheTtlHours: v.optional(count(87_600, 1), 168),
  cacheDiskMegabytes: v.optional(count(1_000_000, 1), 256),
  prefixDiskGigabytes: v.optional(count(100_000), 10),
  serverWarmSeconds: v.optional(count(604_800), 600),
  kvBits: v.optional(v.picklist([4, 8], "expected 4 or 8")),
  fresh: v.optional(onOff, false),
  historyDays: v.optional(count(3650), 90),
  compareWith: v.optional(text),
  pricesFile: v.optional(v.pipe(text, v.check(isAbsolute, "expected an absolute path"))),
  debug: v.optional(count(3), 0),
  port: v.optional(count(65535), 0),
});

export type Config = Readonly<v.InferOutput<typeof configSchema>>;
export type SettingName = keyof Config;

export const settings: Readonly<Record<SettingName, SettingNames>> = {
  mode: {
    flag: "--mode",
    hint: modes.join("|"),
    variables: { any: "ANYCLAUDE_MODE" },
    meaning: "who answers: mlx, openai or claude",
  },
  model: {
    flag: "--model",
    hint: "name",
    variables: { mlx: "MLX_MODEL" },
    meaning: "tiny, a folder, or a Hugging Face name; in openai mode the server's name for it",
  },
  baseUrl: {
    flag: "--base-url",
    hint: "url",
    variables: { mlx: "MLX_URL", openai: "OPENAI_BASE_URL", claude: "ANTHROPIC_BASE_URL" },
    meaning: "use this server and launch none; with or without /v1",
  },
  apiKey: {
    variables: { mlx: "MLX_API_KEY", openai: "OPENAI_API_KEY" },
    meaning: "the key of that server",
  },
  serverKind: {
    meaning: `what that server is, if it is not recognised: ${serverKinds.join(", ")}`,
  },
  contextLength: {
    meaning:
      "tokens of prompt and answer that its model takes, if the server does not say it right",
  },
  claudePath: { meaning: "where Claude Code is, if it is not found by itself" },
  noAutoLaunch: {
    variables: { any: "ANYCLAUDE_NO_AUTO_LAUNCH" },
    meaning: "never launch an MLX server",
  },
  cacheSize: {
    variables: { any: "VLLM_CACHE_SIZE" },
    meaning: "entries of the response cache in memory, up to 1,000,000; 0 switches it off",
  },
  cacheTtlHours: { meaning: "how long an answer may be given again" },
  cacheDiskMegabytes: { meaning: "how much of the disk answers may take" },
  prefixDiskGigabytes: {
    meaning: "how much of the disk computed prefixes of MLX models may take; 0 keeps none",
  },
  serverWarmSeconds: {
    meaning: "how long the MLX server stays when the last terminal has left it; 0 ends it at once",
  },
  kvBits: {
    meaning:
      "keep keys and values of attention in 8 or 4 bits: a half or a quarter of the memory, answers " +
      "may differ",
  },
  fresh: { flag: "--fresh", meaning: "give no stored answer again: ask the model every time" },
  historyDays: {
    meaning:
      "how long request records are kept for anyclaude stats, without any text; 0 keeps none",
  },
  compareWith: {
    meaning: "a model of Anthropic's: says what the prompts of a local model would have cost there",
  },
  pricesFile: { meaning: "a file like prices.json, whose rows win over the built-in prices" },
  debug: {
    variables: { any: "ANYCLAUDE_DEBUG" },
    meaning: "0 to 3: how much goes into the log file",
  },
  port: {
    flag: "--port",
    hint: "number",
    meaning: "port of serve and server; 0 means any free one",
  },
};

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
