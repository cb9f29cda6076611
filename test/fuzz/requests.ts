/** Requests that are right, with every block and field that clients are known to send. */
const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } };

const agent = {
  model: "local-model",
  max_tokens: 1000,
  stream: true,
  system: [
    { type: "text", text: "x-anthropic-billing-header: cc_version=2" },
    { type: "text", text: "You are an agent", cache_control: { type: "ephemeral" } },
  ],
  tools: [
    { name: "Read", description: "Reads", input_schema: { type: "object", properties: {} } },
    { name: "Late", defer_loading: true, input_schema: { type: "object" } },
    { name: "DeferredToolPlaceholder", defer_loading: true },
    { type: "web_search_20250305", name: "web_search", max_uses: 8 },
  ],
  tool_choice: { type: "tool", name: "Read", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 500, display: "omitted" },
  messages: [
    { role: "user", content: [{ type: "text", text: "Hello" }, image] },
    { role: "system", content: "A reminder" },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "Hm", signature: "s" },
        { type: "redacted_thinking", data: "AA==" },
        { type: "text", text: "Looking", citations: [] },
        { type: "tool_use", id: "toolu_1", name: "Read", input: { path: "a" } },
        { type: "tool_use", id: "toolu_2", name: "Late", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "toolu_2", content: "late", is_error: true },
        {
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: [
            { type: "text", text: "b" },
            image,
            { type: "tool_reference", tool_name: "Late" },
          ],
        },
        { type: "text", text: "Go on" },
      ],
    },
    { role: "user", content: "Twice" },
    { role: "system", content: [{ type: "text", text: "Late reminder" }] },
  ],
  metadata: { user_id: "{}" },
  context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
  safeguards: [{ type: "dangerous_tool_use" }],
};

const title = {
  model: "local-model",
  max_tokens: 64,
  temperature: 0.5,
  top_p: 0.9,
  top_k: 40,
  stop_sequences: ["END"],
  system: "Titles",
  output_config: {
    effort: "high",
    format: { type: "json_schema", schema: { type: "object", properties: {} } },
  },
  messages: [
    {
      role: "user",
      content: [
        { type: "document", source: { type: "text", media_type: "text/plain", data: "x" } },
        { type: "search_result", source: "a", title: "b", content: [{ type: "text", text: "c" }] },
        { type: "hologram", depth: 3 },
        { type: "image", source: { type: "url", url: "https://example.test/a.png" } },
      ],
    },
    { role: "assistant", content: "Prefill" },
  ],
};

export const requests: readonly unknown[] = [agent, title];
