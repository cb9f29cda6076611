import { gzipSync } from "node:zlib";
import { question, token } from "../support/proxy.ts";

/** What differs from a request that is right. */
export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit | null;
}

type Row = readonly [what: string, sent: Sent, status: number, message: string];

const host = { host: "127.0.0.1:4000" };
export const usual = { ...host, "x-api-key": token };
export const json = JSON.stringify(question);
const saying = (content: string) => json.replace("Hello", content);
const bytes = (...values: readonly number[]) => new Uint8Array(values);
const encoded = (encoding: string) => ({ ...usual, "content-encoding": encoding });
const zipped = (body: string | Uint8Array) => new Uint8Array(gzipSync(body));
const lists = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

const noJson = "body: not valid JSON";
const noUtf8 = "body: not valid UTF-8";
const tooDeep = "body: nested more than 200 levels deep";
const tooLarge = "body: larger than 32 MB";
const noGzip = "body: not valid gzip";
const noEncoding = "content-encoding: Input should be 'gzip', 'deflate' or 'identity'";

const bodies: readonly Row[] = [
  ["an empty body", { body: "" }, 400, noJson],
  ["no body", { body: null }, 400, noJson],
  ["a blank body", { body: " \n" }, 400, noJson],
  ["half a body", { body: json.slice(0, -1) }, 400, noJson],
  ["two bodies", { body: json + json }, 400, noJson],
  ["a trailing comma", { body: json.replace(/}$/, ",}") }, 400, noJson],
  ["single quotes", { body: json.replaceAll('"', "'") }, 400, noJson],
  ["a form", { body: new URLSearchParams({ model: "m" }) }, 400, noJson],
  ["NaN", { body: json.replace("100", "NaN") }, 400, noJson],
  ["a raw NUL in a text", { body: saying("\0") }, 400, noJson],
  ["a raw line break in a text", { body: saying("\n") }, 400, noJson],
  ["half an escape", { body: saying("\\u12") }, 400, noJson],
  [
    "a number beyond all numbers",
    { body: json.replace("100", "1e999") },
    400,
    "max_tokens: Input should be a finite number",
  ],
  [
    "a field twice, wrong at last",
    { body: json.replace(/}$/, ',"model":5}') },
    400,
    "model: Input should be a valid string",
  ],
  ["a byte that is not UTF-8", { body: bytes(123, 255, 125) }, 400, noUtf8],
  ["half a character at the end", { body: bytes(34, 240, 159) }, 400, noUtf8],
  ["an overlong character", { body: bytes(34, 192, 175, 34) }, 400, noUtf8],
  ["a surrogate in UTF-8", { body: bytes(34, 237, 160, 189, 34) }, 400, noUtf8],
  ["UTF-16", { body: bytes(255, 254, 123, 0, 125, 0) }, 400, noUtf8],
  ["10,000 levels of lists", { body: lists(10_000) }, 400, tooDeep],
  [
    "10,000 levels of objects",
    { body: `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}` },
    400,
    tooDeep,
  ],
  ["10,000 levels without an end", { body: "[".repeat(10_000) }, 400, tooDeep],
  [
    "250 levels in a field that means nothing",
    { body: json.replace(/}$/, `,"metadata":${lists(250)}}`) },
    400,
    tooDeep,
  ],
  ["33 MB in one text", { body: saying("x".repeat(33 * 1024 * 1024)) }, 413, tooLarge],
  ["33 MB of blanks", { body: " ".repeat(33 * 1024 * 1024) }, 413, tooLarge],
];

const encodings: readonly Row[] = [
  [
    "100 MB that were 100 KB",
    { headers: encoded("gzip"), body: zipped(new Uint8Array(100_000_000)) },
    413,
    tooLarge,
  ],
  ["what is not gzip", { headers: encoded("gzip"), body: json }, 400, noGzip],
  ["half a gzip", { headers: encoded("gzip"), body: zipped(json).slice(0, 40) }, 400, noGzip],
  ["gzip of nothing", { headers: encoded("gzip"), body: zipped("") }, 400, noJson],
  ["gzip of nonsense", { headers: encoded("gzip"), body: zipped("{") }, 400, noJson],
  ["gzip that is not said to be", { body: zipped(json) }, 400, noUtf8],
  ["another encoding", { headers: encoded("br"), body: json }, 400, noEncoding],
  ["two encodings", { headers: encoded("gzip, gzip"), body: json }, 400, noEncoding],
];

const authorised = (authorization: string) => ({ headers: { ...host, authorization } });
const keyed = (key: string) => ({ headers: { ...host, "x-api-key": key } });
const refusedTokens: readonly [what: string, sent: Sent][] = [
  ["no token", { headers: host }],
  ["an empty token", keyed("")],
  ["half a token", keyed(token.slice(0, -1))],
  ["a token twice", keyed(`${token}, ${token}`)],
  ["a token in capitals", keyed(token.toUpperCase())],
  ["a token in the address", { path: `/v1/messages?key=${token}`, headers: host }],
  ["a token in a cookie", { headers: { ...host, cookie: `x-api-key=${token}` } }],
  ["a token without a scheme", authorised(token)],
  ["another scheme", authorised(`Basic ${token}`)],
  ["a scheme without a token", authorised("Bearer")],
];

const named = (name: string) => ({ headers: { ...usual, host: name } });
const refusedHosts: readonly [what: string, sent: Sent][] = [
  ["no host", { headers: { "x-api-key": token } }],
  ["another host", named("evil.example")],
  ["a host that begins like ours", named("127.0.0.1.evil.example")],
  ["a host with a user", named("127.0.0.1@evil.example")],
  ["a host that means all", named("0.0.0.0:4000")],
  ["a host with two ports", named("127.0.0.1:80:80")],
];

const unknownRoutes: readonly [method: string, path: string][] = [
  ["GET", "/v1/messages"],
  ["PUT", "/v1/messages"],
  ["PATCH", "/v1/messages"],
  ["DELETE", "/v1/messages"],
  ["OPTIONS", "/v1/messages"],
  ["POST", "/V1/MESSAGES"],
  ["POST", "/v1/messages/"],
  ["POST", "//v1/messages"],
  ["POST", "/v1/messages/batches"],
  ["POST", "/v1/complete"],
  ["POST", "/v1/chat/completions"],
  ["POST", "/v1/%ff%00"],
  ["POST", "/v1/messages%"],
  ["POST", `/${"a".repeat(10_000)}`],
];

/** Requests that fail before any field is looked at, and what the client is told. */
export const malformedRequests: readonly Row[] = [
  ...bodies,
  ...encodings,
  ...refusedTokens.map(([what, sent]): Row => [
    what,
    sent,
    401,
    "The token of this proxy is missing or wrong",
  ]),
  ...refusedHosts.map(([what, sent]): Row => [
    what,
    sent,
    403,
    "Cannot serve this host name: loopback only",
  ]),
  ...unknownRoutes.map(([method, path]): Row => [
    `${method} ${path.slice(0, 30)}`,
    { method, path, ...(method === "GET" ? { body: null } : {}) },
    404,
    `Cannot ${method} ${path}: no such route`,
  ]),
];

/** Odd, but there is no doubt what is meant. */
export const oddRequests: readonly [what: string, sent: Sent][] = [
  ["another content type", { headers: { ...usual, "content-type": "text/plain" } }],
  ["a compressed body", { headers: encoded("GZIP"), body: zipped(json) }],
  ["an encoding that is none", { headers: encoded("identity") }],
  ["a byte order mark in front", { body: `\ufeff${json}` }],
  ["blanks around it", { body: ` \n${json}\r\n ` }],
  ["a field twice, right at last", { body: json.replace("{", '{"model":5,') }],
  ["fields of a prototype", { body: json.replace("{", '{"__proto__":{"x":1},"constructor":2,') }],
  ["brackets within a text", { body: saying("[".repeat(10_000)) }],
  ["an escaped NUL", { body: saying("\\u0000") }],
  ["half of an escaped character", { body: saying("\\ud83d") }],
  ["2 MB in one text", { body: saying("x".repeat(2_000_000)) }],
  ["a scheme in capitals", authorised(`BEARER  ${token}`)],
  ["a host in capitals", named("LOCALHOST:4000")],
  ["a query that means nothing", { path: "/v1/messages?a=b&beta=%ff&&=" }],
];
