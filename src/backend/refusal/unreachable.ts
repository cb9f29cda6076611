import { ProxyError } from "../../core/errors.ts";

/** Why a server gave no answer at all. */
export type Trouble =
  | "refused"
  | "unknown host"
  | "no route"
  | "old certificate"
  | "other name"
  | "untrusted"
  | "no tls"
  | "no http"
  | "silent"
  | "closed";

/** By Bun's codes and, where Deno has none, by its words. The first that fits. */
const signs: readonly (readonly [Trouble, RegExp])[] = [
  ["refused", /ECONNREFUSED|connection refused/i],
  ["unknown host", /ENOTFOUND|EAI_|getaddrinfo|dns error|lookup address/i],
  ["no route", /EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN|no route|unreachable|host is down/i],
  ["old certificate", /CERT_(HAS_EXPIRED|NOT_YET_VALID)|certificate (has )?expired|not valid yet/i],
  ["other name", /ALTNAME|not valid for name/i],
  ["untrusted", /SELF_SIGNED|UNABLE_TO_|CERT_|self.signed|UnknownIssuer|peer certificate/i],
  ["no tls", /EPROTO|TLS handshake|corrupt message|wrong version number/i],
  ["no http", /Malformed_HTTP|invalid HTTP|HPE_/i],
  ["silent", /ETIMEDOUT|timed out|timeout/i],
];

const sentences: Readonly<Record<Trouble, string>> = {
  refused: "is it running?",
  "unknown host": "there is no host of this name; check the address and the network",
  "no route": "there is no way to this host; check the network or the VPN",
  "old certificate":
    "its certificate has expired or is not valid yet; check it, and the clock here",
  "other name": "its certificate is for another name; use the name it is for",
  untrusted: "its certificate is not trusted; name who signed it in NODE_EXTRA_CA_CERTS",
  "no tls": "it does not speak https there; write http://",
  "no http": "it does not speak http there; check the port, or write https://",
  silent: "it does not answer; is it busy, or is the port another program's?",
  closed: "it closed the connection without an answer; if it speaks https there, write https://",
};

/** What no repetition mends. A network may come back, and a server that is busy. */
const lasting: readonly Trouble[] = [
  ...["refused", "old certificate", "other name", "untrusted", "no tls", "no http"] as const,
];

export function toTrouble(error: unknown): Trouble {
  const words = wordsOf(error);
  return signs.find(([, sign]) => sign.test(words))?.[0] ?? "closed";
}

/** True when nobody is there: not merely busy, as a server with one thread is while it generates. */
export function isGone(error: unknown): boolean {
  const trouble = toTrouble(error);
  return trouble === "refused" || trouble === "no route";
}

export interface Unreached {
  /** Its address, as it may be shown. */
  readonly server: string;
  /** A server of ours comes back when it dies. */
  readonly ours: boolean;
  /** It has answered before: if it refuses now, it is probably being started again. */
  readonly wasThere?: boolean;
}

export function toUnreachable(error: unknown, { server, ours, wasThere }: Unreached): ProxyError {
  const trouble = toTrouble(error);
  const cause = new Error(wordsOf(error));
  const sentence = `Cannot reach the model server at ${server}: ${sentences[trouble]}`;
  if (ours) return new ProxyError("overloaded_error", sentence, { cause, retryAfterSeconds: 1 });
  const mayComeBack = wasThere && trouble === "refused";
  return lasting.includes(trouble) && !mayComeBack
    ? new ProxyError("api_error", sentence, { cause, final: true })
    : new ProxyError("overloaded_error", sentence, { cause });
}

/** Without addresses: a query may hold a key, a host may be called anything. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, cause } = error;
  const code = "code" in error ? String(error.code) : "";
  const words = `${name} ${code} ${message.replaceAll(/https?:\/\/[^\s)"]+/g, "…")}`;
  return cause === undefined ? words : `${words}: ${wordsOf(cause)}`;
}
