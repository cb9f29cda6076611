import { Buffer } from "node:buffer";

/** Where a server is, and the key it wants. */
export interface ServerAddress {
  /** With or without `/v1` at its end; may hold credentials and a query. */
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
}

/** A path below `…/v1`, whichever way the user wrote it. Holds the query, and no credentials. */
export function apiUrl(baseUrl: string, path = ""): string {
  return below(baseUrl, path, (base) => /\/v\d+$/.test(base) ? base : `${base}/v1`);
}

/** A path where what is not OpenAI's is served. */
export function rootUrl(baseUrl: string, path = ""): string {
  return below(baseUrl, path, (base) => base.replace(/\/v1$/, ""));
}

/** What may be shown of an address. */
export function withoutSecrets(url: string): string {
  const parsed = new URL(url);
  parsed.username =
    parsed.password =
    parsed.search =
    parsed.hash =
      "";
  return parsed.href.replace(/\/$/, "");
}

/**
 * What proves who asks. Credentials in an address are for this server alone, so they win over a
 * key, which may be meant for another one.
 */
export function authorizationOf({ baseUrl, apiKey }: ServerAddress): string | undefined {
  const { username, password } = new URL(baseUrl);
  if (username || password) {
    const credentials = `${decoded(username)}:${decoded(password)}`;
    return `Basic ${Buffer.from(credentials, "utf8").toString("base64")}`;
  }
  return apiKey ? `Bearer ${apiKey}` : undefined;
}

function below(baseUrl: string, path: string, toBase: (pathname: string) => string): string {
  const url = new URL(baseUrl);
  const [pathname = "", query] = path.split("?");
  url.username = url.password = url.hash = "";
  url.pathname = toBase(url.pathname.replace(/\/+$/, "")) + pathname;
  if (query) url.search += `${url.search ? "&" : "?"}${query}`;
  return url.href.replace(/\/(?=\?|$)/, "");
}

function decoded(credential: string): string {
  try {
    return decodeURIComponent(credential);
  } catch {
    return credential; // a percent sign that was meant as one
  }
}
