import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { NewId } from "../core/ids.ts";
import { ProxyError, toErrorBody } from "../core/errors.ts";
import type { Metrics } from "../monitor/metrics.ts";
import { checkHost, checkToken } from "./access.ts";
import { answerCountTokens, answerMessages, type MessagesParts } from "./messages.ts";
import { answerModel, answerModels } from "./models.ts";
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
export function createApp({ service, metrics, token, version }: AppOptions): Hono<Named> {
  const app = new Hono<Named>();
  app.onError((error, c) => toErrorResponse(error, c, service));
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
  app.use(withRequestId(service.newId), withToken);
  app.post("/v1/messages", (c) => answerMessages(c.req.raw, service));
  app.post("/v1/messages/count_tokens", (c) => answerCountTokens(c.req.raw, service));
  app.get("/v1/models", (c) => answerModels(c.req.raw, service.backend));
  app.get("/v1/models/:id", (c) => answerModel(c.req.param("id"), c.req.raw, service.backend));
  app.all("*", (c) => {
    throw new ProxyError("not_found_error", `Cannot ${c.req.method} ${c.req.path}: no such route`);
  });
  return app;
}

/** What the client names when it reports a failure. */
interface Named {
  Variables: { requestId?: string };
}

function withRequestId(newId: NewId): MiddlewareHandler<Named> {
  return async (c, next) => {
    const requestId = newId("req");
    c.set("requestId", requestId);
    await next();
    c.res.headers.set("request-id", requestId);
  };
}

function toErrorResponse(
  error: Error,
  c: Context<Named>,
  service: AppOptions["service"],
): Response {
  const requestId = c.get("requestId");
  const body = { ...toErrorBody(error), ...(requestId ? { request_id: requestId } : {}) };
  if (!(error instanceof ProxyError)) {
    // What fails because the client has left is no bug.
    if (service.kind === "translate" && !c.req.raw.signal.aborted) {
      service.log.warn("request failed by a bug", { requestId, error });
    }
    return Response.json(body, { status: 500 });
  }
  const { status, retryAfterSeconds, final } = error;
  return Response.json(body, {
    status,
    headers: {
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
      ...(final ? { "x-should-retry": "false" } : {}),
    },
  });
}
