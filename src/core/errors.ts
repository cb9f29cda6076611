const statusByType = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
} as const;

export type ErrorType = keyof typeof statusByType;

export interface ProxyErrorOptions extends ErrorOptions {
  /** Seconds after which the client may try again; becomes `retry-after`. */
  readonly retryAfterSeconds?: number;
  /** Becomes `x-should-retry: false`: the client must not repeat what cannot succeed. */
  readonly final?: boolean;
  /** More fields of the error body, for clients that look for them. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A failure we expect and can explain to the client. Anything else that is thrown is a bug. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly type: ErrorType;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly final: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(type: ErrorType, message: string, options: ProxyErrorOptions = {}) {
    super(message, options);
    this.type = type;
    this.status = statusByType[type];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.final = options.final ?? false;
    this.details = options.details ?? {};
  }
}

/** The body Anthropic clients parse, in a response or as a mid-stream `error` event. */
export function toErrorBody(error: unknown) {
  const { type, message, details } = error instanceof ProxyError
    ? error
    : { type: "api_error" as const, message: "Internal proxy error", details: {} };
  const more = Object.keys(details).length > 0 ? { details } : {};
  return { type: "error", error: { type, message, ...more } } as const;
}
