import * as v from "valibot";

// Loose: the client is newer than we are. What is checked is what the rest of the code relies on,
// and it is refused in the words that Anthropic's own API has for it.
const string = v.string("Input should be a valid string");
const name = v.pipe(string, v.nonEmpty("String should have at least 1 character"));
const boolean = v.boolean("Input should be a valid boolean");
const number = v.pipe(
  v.number("Input should be a valid number"),
  v.finite("Input should be a finite number"),
);
const integer = v.pipe(number, v.safeInteger("Input should be a valid integer"));

export const notAnObject = "Input should be a valid dictionary";
export const notAList = "Input should be a valid list";

const source = byType({
  base64: object({ type: string, media_type: name, data: name }),
  url: object({ type: string, url: name }),
});
const resultBlocks = {
  text: object({ type: string, text: string }),
  image: object({ type: string, source }),
  tool_reference: object({ type: string, tool_name: name }),
};
const blocks = {
  ...resultBlocks,
  thinking: object({ type: string, thinking: string }),
  // Whatever a model gave as input came from us, and comes back to us as it was.
  tool_use: object({ type: string, id: name, name, input: v.unknown() }),
  tool_result: object({
    type: string,
    tool_use_id: name,
    content: v.optional(textOr(list(byType(resultBlocks)))),
    is_error: v.nullish(boolean),
  }),
};

export const messageSchema = object({
  role: oneOf("user", "assistant", "system"),
  content: textOr(list(byType(blocks))),
});

export const toolSchema = object({
  name,
  type: v.nullish(string),
  description: v.optional(string),
  input_schema: v.optional(v.record(v.string(), v.unknown(), notAnObject)),
  defer_loading: v.optional(boolean),
});

export const systemSchema = textOr(list(object({ type: oneOf("text"), text: string })));

const toolChoiceSchema = byType(
  { tool: object({ type: string, name }) },
  object({ type: oneOf("auto", "any", "tool", "none") }),
);

const maxTokens = v.pipe(integer, atLeast(1));
const others = {
  model: name,
  tool_choice: v.optional(toolChoiceSchema),
  thinking: v.optional(object({ type: string, budget_tokens: v.optional(integer) })),
  output_config: v.optional(object({})),
  stream: v.optional(boolean),
  temperature: v.optional(v.pipe(number, atLeast(0), atMost(2))),
  top_p: v.optional(v.pipe(number, atLeast(0), atMost(1))),
  top_k: v.optional(v.pipe(integer, atLeast(0))),
  stop_sequences: v.optional(list(name)),
};

/** All but the parts that are long. */
export const requestSchema = object({ ...others, max_tokens: maxTokens });

/** Of a request whose tokens are to be counted: it may leave out how many may follow. */
export const countSchema = object({ ...others, max_tokens: v.optional(maxTokens, 32_000) });

function object<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.looseObject(entries, notAnObject);
}

function list<Item extends v.GenericSchema>(item: Item) {
  return v.array(item, notAList);
}

function textOr<Other extends v.GenericSchema>(other: Other) {
  return v.union([string, other], "Input should be a valid string or a valid list");
}

function atLeast(minimum: number) {
  const words = `Input should be greater than or equal to ${minimum}`;
  return v.minValue<number, number, string>(minimum, words);
}

function atMost(maximum: number) {
  const words = `Input should be less than or equal to ${maximum}`;
  return v.maxValue<number, number, string>(maximum, words);
}

function oneOf<const Options extends readonly string[]>(...options: Options) {
  const listed = options.map((each) => `'${each}'`).join(", ").replace(/, (?=[^,]*$)/, " or ");
  return v.picklist(options, `Input should be ${listed}`);
}

/** By type and not by trial: a broken block of a known type is not one of an unknown type. */
function byType(
  known: Readonly<Record<string, v.GenericSchema>>,
  other: v.GenericSchema = object({ type: string }),
) {
  return v.lazy((input) => {
    const { type } = (input ?? {}) as { readonly type?: unknown };
    return typeof type === "string" && Object.hasOwn(known, type) ? known[type] ?? other : other;
  });
}
