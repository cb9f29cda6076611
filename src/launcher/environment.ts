import type { Environment } from "../core/find-program.ts";

/** What Claude Code is told about the proxy and the model behind it. */
export interface ModelSetting {
  readonly url: string;
  readonly token: string;
  readonly model: string;
  /** Tokens of prompt and answer; undefined when the backend does not say. */
  readonly contextLength: number | undefined;
}

interface Variable {
  readonly name: string;
  readonly value: (setting: ModelSetting) => string | undefined;
  /** Ours even if the user has set it: a real key must not go to another server. */
  readonly always?: true;
  readonly reason: string;
}

const anHourMs = 3_600_000;
/** Claude Code asks for this much unless told otherwise, and keeps it free in the window. */
const usualOutputTokens = 32_000;
const smallWindow = 49_152;

/** Every variable of the launch environment in `mlx` and `openai` mode, with its reason. */
export const launchVariables: readonly Variable[] = [
  { name: "ANTHROPIC_BASE_URL", value: ({ url }) => url, always: true, reason: "the proxy" },
  {
    name: "ANTHROPIC_AUTH_TOKEN",
    value: ({ token }) => token,
    always: true,
    reason: "the proxy's token; unlike a key it is not asked about",
  },
  {
    name: "ANTHROPIC_API_KEY",
    value: () => "",
    always: true,
    reason: "a real key would be sent along with the token",
  },
  ...["", "_OPUS", "_SONNET", "_HAIKU", "_FABLE"].map((tier): Variable => ({
    name: tier === "" ? "ANTHROPIC_MODEL" : `ANTHROPIC_DEFAULT${tier}_MODEL`,
    value: ({ model }) => model,
    always: true,
    reason: "unset, requests for models of Anthropic arrive",
  })),
  {
    name: "CLAUDE_CODE_SUBAGENT_MODEL",
    value: ({ model }) => model,
    reason: "sub-agents would ask for another model",
  },
  {
    name: "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
    value: ({ contextLength }) => contextLength === undefined ? undefined : String(contextLength),
    reason: "an unknown model counts as having a window of a million tokens, never compacted",
  },
  {
    name: "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    value: ({ contextLength }) => toOutputTokens(contextLength),
    reason: "the usual 32,000 would leave a small window no room for the prompt",
  },
  {
    name: "CLAUDE_CODE_ATTRIBUTION_HEADER",
    value: () => "0",
    reason: "its first system block differs with the first message and breaks every prefix",
  },
  {
    name: "CLAUDE_CODE_MODEL_CAPABILITIES",
    value: () => "-mid_conv_system,-mid_conv_tool_change",
    reason: "puts the user's words last, so that two sessions share 99.9 % of the prompt",
  },
  {
    name: "CLAUDE_STREAM_IDLE_TIMEOUT_MS",
    value: () => String(anHourMs),
    reason: "a long prefill is silent for minutes, and the client would ask again",
  },
  {
    name: "API_TIMEOUT_MS",
    value: () => String(anHourMs),
    reason: "the same, before the answer's headers",
  },
  {
    name: "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    value: () => "1",
    reason: "nothing leaves the machine; and no session titles, which would cost a prefill",
  },
  { name: "DISABLE_TELEMETRY", value: () => "1", reason: "nothing leaves the machine" },
  { name: "DISABLE_ERROR_REPORTING", value: () => "1", reason: "nothing leaves the machine" },
  { name: "DISABLE_AUTOUPDATER", value: () => "1", reason: "nothing leaves the machine" },
  {
    name: "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL",
    value: () => "1",
    reason: "fetched even without nonessential traffic",
  },
  {
    name: "CLAUDE_CODE_GATEWAY_HINT_HEADERS",
    value: () => "1",
    reason: "tells main agent, sub-agent and background apart",
  },
];

/**
 * A quarter of the window, an eighth of a small one: Claude Code keeps as much free, and 13,000
 * tokens more, and would compact a window of 32,768 before anything was said.
 */
function toOutputTokens(contextLength: number | undefined): string | undefined {
  if (contextLength === undefined || contextLength >= 4 * usualOutputTokens) return undefined;
  const share = contextLength < smallWindow ? 8 : 4;
  return String(Math.max(1024, Math.floor(contextLength / share)));
}

/** The environment of `claude` on a foreign model. A variable that the user has set wins. */
export function toLaunchEnvironment(setting: ModelSetting, user: Environment): Environment {
  const ours = launchVariables.flatMap(({ name, value, always }) => {
    const wanted = value(setting);
    return wanted === undefined || (!always && user[name] !== undefined) ? [] : [[name, wanted]];
  });
  return { ...user, ...Object.fromEntries(ours) };
}

/** In `claude` mode only the address is ours: account, models and settings are the user's. */
export function toPassthroughEnvironment(url: string, user: Environment): Environment {
  return { ...user, ANTHROPIC_BASE_URL: url };
}

const permissionOptions = [
  "--permission-mode",
  "--dangerously-skip-permissions",
  "--allow-dangerously-skip-permissions",
  "--settings",
];

/** Auto mode, the TUI's default, needs a check that only Anthropic's servers make. */
export function toLaunchArguments(args: readonly string[]): readonly string[] {
  const hasMode = args.some((arg) => permissionOptions.some((option) => isOption(arg, option)));
  return hasMode ? args : ["--permission-mode", "default", ...args];
}

export function isOption(arg: string, option: string): boolean {
  return arg === option || arg.startsWith(`${option}=`);
}
