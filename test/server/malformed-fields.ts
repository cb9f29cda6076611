import { question } from "../support/proxy.ts";

type Row = readonly [what: string, body: unknown, message: string];

const asked = (changed: object) => ({ ...question, ...changed });
const says = (...messages: readonly unknown[]) => asked({ messages });
const user = (...content: readonly unknown[]) => says({ role: "user", content });
const answered = (...content: readonly unknown[]) =>
  says(question.messages[0], { role: "assistant", content });
const tools = (...given: readonly unknown[]) => asked({ tools: given });
const choosing = (tool_choice: unknown, ...given: readonly unknown[]) =>
  asked({ tools: given, tool_choice });

const string = "Input should be a valid string";
const list = "Input should be a valid list";
const either = "Input should be a valid string or a valid list";
const dictionary = "Input should be a valid dictionary";
const integer = "Input should be a valid integer";
const number = "Input should be a valid number";
const required = "Field required";
const empty = "String should have at least 1 character";

/** JSON that is no request, and what the client is told on either route. */
export const malformedBodies: readonly Row[] = [
  ["null", null, `body: ${dictionary}`],
  ["text", "Hello", `body: ${dictionary}`],
  ["a number", 5, `body: ${dictionary}`],
  ["true", true, `body: ${dictionary}`],
  ["a list", [question], `body: ${dictionary}`],
  ["nothing in it", {}, `model: ${required}`],
  [
    "a prototype instead of fields",
    JSON.parse(`{"__proto__":{"model":"m"}}`),
    `model: ${required}`,
  ],

  ["no model", asked({ model: undefined }), `model: ${required}`],
  ["an empty model", asked({ model: "" }), `model: ${empty}`],
  ["a model that is a number", asked({ model: 5 }), `model: ${string}`],
  ["a model that is null", asked({ model: null }), `model: ${string}`],

  ["no messages", asked({ messages: undefined }), `messages: ${required}`],
  ["messages that are null", asked({ messages: null }), `messages: ${list}`],
  ["messages as text", asked({ messages: "Hello" }), `messages: ${list}`],
  ["messages as an object", asked({ messages: { 0: {} } }), `messages: ${list}`],
  ["an empty conversation", says(), "messages: at least one message is required"],
  ["a message that is text", says("Hello"), `messages.0: ${dictionary}`],
  ["a message that is null", says(question.messages[0], null), `messages.1: ${dictionary}`],
  [
    "messages without content",
    says({ role: "user", content: "" }, { role: "user", content: [] }),
    "messages: at least one message must have non-empty content",
  ],

  ["no role", says({ content: "Hello" }), `messages.0.role: ${required}`],
  [
    "a role of OpenAI's",
    says(question.messages[0], { role: "tool", content: "x" }),
    "messages.1.role: Input should be 'user', 'assistant' or 'system'",
  ],
  [
    "a role that is a number",
    says({ role: 1, content: "Hello" }),
    "messages.0.role: Input should be 'user', 'assistant' or 'system'",
  ],
  ["no content", says({ role: "user" }), `messages.0.content: ${required}`],
  ["content that is null", says({ role: "user", content: null }), `messages.0.content: ${either}`],
  ["content that is a number", says({ role: "user", content: 5 }), `messages.0.content: ${either}`],
  ["content that is a block", says({ role: "user", content: {} }), `messages.0.content: ${either}`],

  ["a block that is null", user(null), `messages.0.content.0: ${dictionary}`],
  ["a block that is text", user("Hello"), `messages.0.content.0: ${dictionary}`],
  ["a block without a type", user({ text: "x" }), `messages.0.content.0.type: ${required}`],
  ["a block type that is a number", user({ type: 5 }), `messages.0.content.0.type: ${string}`],
  ["text without text", user({ type: "text" }), `messages.0.content.0.text: ${required}`],
  [
    "text that is a list, late",
    user({ type: "text", text: "x" }, { type: "text", text: [] }),
    `messages.0.content.1.text: ${string}`,
  ],
  [
    "an image without a source",
    user({ type: "image" }),
    `messages.0.content.0.source: ${required}`,
  ],
  [
    "an image whose source is text",
    user({ type: "image", source: "data:" }),
    `messages.0.content.0.source: ${dictionary}`,
  ],
  [
    "an image source without a type",
    user({ type: "image", source: {} }),
    `messages.0.content.0.source.type: ${required}`,
  ],
  [
    "an image without data",
    user({ type: "image", source: { type: "base64", media_type: "image/png" } }),
    `messages.0.content.0.source.data: ${required}`,
  ],
  [
    "an image with empty data",
    user({ type: "image", source: { type: "base64", media_type: "image/png", data: "" } }),
    `messages.0.content.0.source.data: ${empty}`,
  ],
  [
    "an image without a media type",
    user({ type: "image", source: { type: "base64", data: "AA==" } }),
    `messages.0.content.0.source.media_type: ${required}`,
  ],
  [
    "an image without an address",
    user({ type: "image", source: { type: "url" } }),
    `messages.0.content.0.source.url: ${required}`,
  ],

  [
    "thinking without thinking",
    answered({ type: "thinking", signature: "s" }),
    `messages.1.content.0.thinking: ${required}`,
  ],
  [
    "a call without an id",
    answered({ type: "tool_use", name: "Read", input: {} }),
    `messages.1.content.0.id: ${required}`,
  ],
  [
    "a call with an empty id",
    answered({ type: "tool_use", id: "", name: "Read", input: {} }),
    `messages.1.content.0.id: ${empty}`,
  ],
  [
    "a call without a name",
    answered({ type: "tool_use", id: "a", input: {} }),
    `messages.1.content.0.name: ${required}`,
  ],
  [
    "a call with an empty name",
    answered({ type: "tool_use", id: "a", name: "", input: {} }),
    `messages.1.content.0.name: ${empty}`,
  ],
  [
    "a call without input",
    answered({ type: "tool_use", id: "a", name: "Read" }),
    `messages.1.content.0.input: ${required}`,
  ],
  [
    "a result of nothing",
    user({ type: "tool_result", content: "x" }),
    `messages.0.content.0.tool_use_id: ${required}`,
  ],
  [
    "a result that is a number",
    user({ type: "tool_result", tool_use_id: "a", content: 5 }),
    `messages.0.content.0.content: ${either}`,
  ],
  [
    "text without text in a result",
    user({ type: "tool_result", tool_use_id: "a", content: [{ type: "text" }] }),
    `messages.0.content.0.content.0.text: ${required}`,
  ],
  [
    "an image without a source in a result",
    user({ type: "tool_result", tool_use_id: "a", content: [{ type: "image" }] }),
    `messages.0.content.0.content.0.source: ${required}`,
  ],
  [
    "a reference to no tool",
    user({ type: "tool_result", tool_use_id: "a", content: [{ type: "tool_reference" }] }),
    `messages.0.content.0.content.0.tool_name: ${required}`,
  ],
  [
    "an is_error that is text",
    user({ type: "tool_result", tool_use_id: "a", is_error: "yes" }),
    "messages.0.content.0.is_error: Input should be a valid boolean",
  ],

  ["a system that is a number", asked({ system: 5 }), `system: ${either}`],
  ["a system of texts", asked({ system: ["x"] }), `system.0: ${dictionary}`],
  [
    "a system with an image",
    asked({ system: [{ type: "text", text: "x" }, { type: "image" }] }),
    "system.1.type: Input should be 'text'",
  ],
  [
    "a system text without text",
    asked({ system: [{ type: "text" }] }),
    `system.0.text: ${required}`,
  ],

  ["tools that are no list", asked({ tools: {} }), `tools: ${list}`],
  ["a tool that is null", tools(null), `tools.0: ${dictionary}`],
  ["a tool without a name", tools({ name: "Read" }, {}), `tools.1.name: ${required}`],
  ["a tool with an empty name", tools({ name: "" }), `tools.0.name: ${empty}`],
  [
    "two tools of one name",
    tools({ name: "Read" }, { name: "Read" }),
    "tools: Tool names must be unique",
  ],
  [
    "a description that is a number",
    tools({ name: "Read", description: 5 }),
    `tools.0.description: ${string}`,
  ],
  [
    "a schema that is text",
    tools({ name: "Read", input_schema: "object" }),
    `tools.0.input_schema: ${dictionary}`,
  ],
  [
    "a tool_choice that is text",
    choosing("auto", { name: "Read" }),
    `tool_choice: ${dictionary}`,
  ],
  ["a tool_choice without a type", choosing({}, { name: "Read" }), `tool_choice.type: ${required}`],
  [
    "an unknown tool_choice",
    choosing({ type: "required" }, { name: "Read" }),
    "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'",
  ],
  [
    "a tool_choice without a name",
    choosing({ type: "tool" }, { name: "Read" }),
    `tool_choice.name: ${required}`,
  ],
  [
    "a tool_choice that is not there",
    choosing({ type: "tool", name: "Bash" }, { name: "Read" }),
    'tool_choice.name: Tool "Bash" not found in provided tools',
  ],
  [
    "a tool_choice of none",
    choosing({ type: "any" }),
    "tool_choice: 'any' needs tools to choose from",
  ],

  [
    "max_tokens of zero",
    asked({ max_tokens: 0 }),
    "max_tokens: Input should be greater than or equal to 1",
  ],
  [
    "max_tokens below zero",
    asked({ max_tokens: -1 }),
    "max_tokens: Input should be greater than or equal to 1",
  ],
  ["half a token", asked({ max_tokens: 1.5 }), `max_tokens: ${integer}`],
  ["more tokens than can be counted", asked({ max_tokens: 1e99 }), `max_tokens: ${integer}`],
  ["max_tokens as text", asked({ max_tokens: "5" }), `max_tokens: ${number}`],
  ["max_tokens that are null", asked({ max_tokens: null }), `max_tokens: ${number}`],
  ["stream as text", asked({ stream: "yes" }), "stream: Input should be a valid boolean"],
  ["stream as a number", asked({ stream: 1 }), "stream: Input should be a valid boolean"],
  ["a temperature as text", asked({ temperature: "hot" }), `temperature: ${number}`],
  [
    "a temperature below zero",
    asked({ temperature: -1 }),
    "temperature: Input should be greater than or equal to 0",
  ],
  [
    "a temperature of three",
    asked({ temperature: 3 }),
    "temperature: Input should be less than or equal to 2",
  ],
  ["a top_p of two", asked({ top_p: 2 }), "top_p: Input should be less than or equal to 1"],
  ["a top_k below zero", asked({ top_k: -1 }), "top_k: Input should be greater than or equal to 0"],
  ["half a top_k", asked({ top_k: 0.5 }), `top_k: ${integer}`],
  ["stop_sequences as text", asked({ stop_sequences: "x" }), `stop_sequences: ${list}`],
  [
    "a stop sequence that is a number",
    asked({ stop_sequences: ["x", 5] }),
    `stop_sequences.1: ${string}`,
  ],
  ["an empty stop sequence", asked({ stop_sequences: [""] }), `stop_sequences.0: ${empty}`],
  ["thinking as text", asked({ thinking: "much" }), `thinking: ${dictionary}`],
  [
    "thinking without a type",
    asked({ thinking: { budget_tokens: 5 } }),
    `thinking.type: ${required}`,
  ],
  ["an output_config as text", asked({ output_config: "json" }), `output_config: ${dictionary}`],
  [
    "a message thread",
    asked({ thread: { type: "create" } }),
    "thread: message threads are not supported; send the whole conversation",
  ],
];
