/** What a server says of a failure, in whichever of the shapes that servers have for it. */
export interface ErrorWords {
  /** Empty when it gave no reason: nothing, or a web page. */
  readonly message: string;
  /** A word such as `model_not_found`, or a status that the answer itself did not have. */
  readonly code: string | number | undefined;
  readonly type: string | undefined;
  /** The error as an object, for what some servers put beside its words. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Server-sent or plain, nested or flat, object or text. */
export function toErrorWords(body: unknown): ErrorWords {
  if (typeof body === "string") {
    const text = body.trim();
    return { ...nothing, message: text.startsWith("<") ? "" : text };
  }
  // Gemini's OpenAI endpoint puts the error into a list.
  if (Array.isArray(body)) return toErrorWords(body[0]);
  if (typeof body !== "object" || body === null) return nothing;
  const fields = body as Readonly<Record<string, unknown>>;
  const { error, code, type } = fields;
  if (error !== undefined && error !== null) return toErrorWords(error);
  return {
    message: toMessage(fields),
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    type: typeof type === "string" ? type : undefined,
    fields,
  };
}

const nothing: ErrorWords = { message: "", code: undefined, type: undefined, fields: {} };

function toMessage(fields: Readonly<Record<string, unknown>>): string {
  const { message, detail, metadata } = fields;
  const words = [message, detail].find((each) => typeof each === "string") as string | undefined;
  // FastAPI's list of what does not fit, and Mistral's, which stands where words should.
  const details = [detail, message].find((each) => typeof each === "object" && each !== null);
  const said = words ?? JSON.stringify(details ?? fields, withoutInput);
  const raw = rawWords(metadata);
  return raw === "" || said.includes(raw) ? said : `${said}: ${raw}`;
}

/** What was refused is the user's, and may be long. */
function withoutInput(key: string, value: unknown): unknown {
  return key === "input" || key === "ctx" ? undefined : value;
}

/** OpenRouter says what its provider said. */
function rawWords(metadata: unknown): string {
  const raw = (metadata as { readonly raw?: unknown } | null | undefined)?.raw;
  if (typeof raw !== "string") return raw === undefined ? "" : toErrorWords(raw).message;
  try {
    return toErrorWords(JSON.parse(raw)).message;
  } catch {
    return raw; // plain words
  }
}
