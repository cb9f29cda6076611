import { Hono, type MiddlewareHandler } from "hono";
import { ProxyError, toErrorBody } from "../core/errors.ts";
import type { Metrics } from "../monitor/metrics.ts";
import { checkHost, checkToken } from "./access.ts";
import { answerCountTokens, answerMessages, type MessagesParts } from "./messages.ts";
import { passThrough, type PassthroughOptions } from "./passthrough.ts";

export interface AppOptions {
  readonly service: TranslatingService | PassthroughService;
  /** What `/stats` shows. */
  readonly metrics: () => Metrics;
  /** Who knows it may ask for everything that is ours to answer. */
  readonly token: string;
  readonly version: string;
}

/** We answer, through a backend. */
export type TranslatingService = MessagesParts & {
  readonly kind: "translate";
};

/** Anthropic answers; the caller's own credentials are for Anthropic. */
export type PassthroughService = PassthroughOptions & { readonly kind: "passthrough" };

/** The proxy as a function of a request: no port. */
export function createApp({ service, metrics, token, version }: AppOptions): Hono {
  const app = new Hono();
  app.onError((error) => toErrorResponse(error, service));
  app.use(async (c, next) => {
    checkHost(c.req.header("host"));
    await next();
  });
  app.get("/health", (c) => c.json({ status: "ok", version }));
  const withToken: MiddlewareHandler = async (c, next) => {
    checkToken(c.req.raw.headers, token);
    await next();
  };
  app.get("/stats", withToken, (c) => c.json(metrics()));
  if (service.kind === "passthrough") {
    app.all("*", (c) => passThrough(c.req.raw, service));
    return app;
  }
  app.get("/api/hello", (c) => c.body(null));
  app.use(withToken);
  app.post("/v1/messages", (c) => answerMessages(c.req.raw, service));
  app.post("/v1/messages/count_tokens", (c) => answerCountTokens(c.req.raw, service));
  app.get("/v1/models", async (c) => {
    const models = await service.backend.models(c.req.raw.signal);
    return c.json({ data: models.map(({ id }) => toModel(id)), has_more: false });
  });
  app.all("*", (c) => {
    throw new ProxyError("not_found_error", `Cannot ${c.req.method} ${c.req.path}: no such route`);
  });
  return app;
}

function toModel(id: string) {
  return { type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" };
}

function toErrorResponse(error: Error, service: AppOptions["service"]): Response {
  if (!(error instanceof ProxyError)) {
    if (service.kind === "translate") service.log.warn("request failed by a bug", { error });
    return Response.json(toErrorBody(error), { status: 500 });
  }
  const { status, retryAfterSeconds, final } = error;
  return Response.json(toErrorBody(error), {
    status,
    headers: {
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
      ...(final ? { "x-should-retry": "false" } : {}),
    },
  });
}
