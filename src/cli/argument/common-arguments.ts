/** What several commands have in common. */
export const commonArguments = {
  config: { type: "string", valueHint: "file", description: "Another config file" },
  json: { type: "boolean", description: "Print one line of JSON" },
} as const;
