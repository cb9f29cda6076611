import type { Backend, ModelInfo } from "../backend/backend.ts";
import { ProxyError } from "../core/errors.ts";

/** `GET /v1/models`: a page as long as asked for; everything when no limit is named. */
export async function answerModels(request: Request, backend: Backend): Promise<Response> {
  const models = await backend.models(request.signal);
  return Response.json(toPage(models.map(toModel), new URL(request.url).searchParams));
}

/** `GET /v1/models/{id}`. */
export async function answerModel(
  id: string,
  request: Request,
  backend: Backend,
): Promise<Response> {
  const model = (await backend.models(request.signal)).find((each) => each.id === id);
  if (!model) throw new ProxyError("not_found_error", `model: ${id}`);
  return Response.json(toModel(model));
}

/** What is null here is what a foreign server does not say. */
function toModel({ id, contextLength }: ModelInfo) {
  return {
    type: "model",
    id,
    display_name: id,
    created_at: "1970-01-01T00:00:00Z",
    max_input_tokens: contextLength ?? null,
    max_tokens: null,
    capabilities: null,
    line: null,
    lifecycle: "active",
    deprecated_at: null,
    retires_at: null,
  };
}

function toPage<T extends { readonly id: string }>(models: readonly T[], asked: URLSearchParams) {
  const limit = toLimit(asked.get("limit")) ?? models.length;
  const isBackwards = asked.has("before_id");
  const start = isBackwards ? 0 : indexOf(models, asked, "after_id") + 1;
  const end = isBackwards ? indexOf(models, asked, "before_id") : models.length;
  const data = isBackwards
    ? models.slice(Math.max(0, end - limit), end)
    : models.slice(start, start + limit);
  return {
    data,
    has_more: data.length < end - start,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  };
}

function toLimit(text: string | null): number | undefined {
  if (text === null) return undefined;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new ProxyError(
    "invalid_request_error",
    "limit: Input should be a whole number from 1 to 1000",
  );
}

/** −1 when no place in the list is named. */
function indexOf(
  models: readonly { readonly id: string }[],
  asked: URLSearchParams,
  name: "after_id" | "before_id",
): number {
  const id = asked.get(name);
  if (id === null) return -1;
  const index = models.findIndex((each) => each.id === id);
  if (index === -1) throw new ProxyError("invalid_request_error", `${name}: no such model`);
  return index;
}
