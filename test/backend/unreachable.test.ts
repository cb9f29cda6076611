import { describe, test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { patientFetch } from "../../src/app/patient-fetch.ts";
import { Connection } from "../../src/backend/connection.ts";
import { isGone, toTrouble, type Trouble } from "../../src/backend/refusal/unreachable.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ProxyError } from "../../src/core/errors.ts";
import {
  deadPort,
  httpServer,
  httpsServer,
  type Place,
  socketServer,
} from "../support/loopback.ts";

interface BadPlace {
  readonly what: string;
  readonly open: () => Promise<Place>;
  readonly scheme?: "https";
  readonly said: string;
  /** Undefined where Bun and Deno see different things. */
  readonly mayRetry?: boolean;
  /** How long it is waited for; most answer at once. */
  readonly patienceMs?: number;
}

const silent = () => socketServer((socket) => void socket.resume());

/** What can be wrong with a place on this machine, as it really is. */
const places: readonly BadPlace[] = [
  { what: "where nobody listens", open: deadPort, said: "is it running?", mayRetry: false },
  {
    what: "whose certificate nobody has signed",
    open: () => httpsServer((_, response) => response.end("{}")),
    scheme: "https",
    said: "NODE_EXTRA_CA_CERTS",
    mayRetry: false,
  },
  {
    what: "whose certificate has expired",
    open: () => httpsServer((_, response) => response.end("{}"), -9),
    scheme: "https",
    said: "has expired or is not valid yet",
    mayRetry: false,
  },
  {
    what: "that does not speak https",
    open: () => httpServer((_, response) => response.end("{}")),
    scheme: "https",
    said: "write http://",
    mayRetry: false,
  },
  {
    what: "that speaks https only",
    open: () => httpsServer((_, response) => response.end("{}")),
    said: "write https://",
  },
  {
    what: "that is another program's",
    open: () => socketServer((socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n")),
    said: "it does not speak http there",
    mayRetry: false,
  },
  {
    what: "that hangs up",
    open: () => socketServer((socket) => socket.once("data", () => socket.destroy())),
    said: "it closed the connection without an answer",
    mayRetry: true,
  },
  {
    what: "that does not answer",
    open: silent,
    said: "it does not answer",
    mayRetry: true,
    patienceMs: 50,
  },
  {
    what: "that sends us elsewhere",
    open: () =>
      httpServer((_, response) => {
        response.writeHead(307, { location: "https://elsewhere.test/login?token=abc" }).end();
      }),
    said: "perhaps https://elsewhere.test/login",
    mayRetry: false,
  },
];

/** Errors as `fetch` throws them where no socket of this machine can make them. */
const recorded: readonly [what: string, error: unknown, Trouble][] = [
  ["Bun, without such a host", bun("ENOTFOUND", "getaddrinfo ENOTFOUND h.test"), "unknown host"],
  [
    "Deno, without such a host",
    deno(
      "client error (Connect): dns error: failed to lookup address information: Name or service " +
        "not known",
    ),
    "unknown host",
  ],
  ["Bun, without a way", bun("EHOSTUNREACH", "EHOSTUNREACH: Unable to connect."), "no route"],
  ["Bun, without a network", bun("ENETUNREACH", "ENETUNREACH: Was there a typo?"), "no route"],
  [
    "Deno, without a network",
    deno("client error (Connect): tcp connect error: Network is unreachable (os error 101)"),
    "no route",
  ],
  [
    "Deno, without a way",
    deno("client error (Connect): tcp connect error: No route to host (os error 113)"),
    "no route",
  ],
  [
    "Bun, with a certificate for another name",
    bun("ERR_TLS_CERT_ALTNAME_INVALID", `ERR_TLS_CERT_ALTNAME_INVALID fetching "https://h:1/"`),
    "other name",
  ],
  [
    "Deno, with a certificate for another name",
    deno(
      `client error (Connect): invalid peer certificate: certificate not valid for name "localhost"`,
    ),
    "other name",
  ],
  ["Bun, with a host called refused", bun("ECONNRESET", "http://connection-refused/"), "closed"],
];

describe("a place", () => {
  for (const { what, open, scheme = "http", said, mayRetry, patienceMs } of places) {
    test(`${what} is told in one sentence with its address, and what to do`, async () => {
      await using place = await open();
      const server = `${scheme}://127.0.0.1:${place.port}`;
      const connection = connect(`${scheme}://me:s3cret-word@127.0.0.1:${place.port}/v1?key=k-1`);

      const error = await assertRejects(() => post(connection, patienceMs), ProxyError, said);

      assertStringIncludes(error.message, `${server}`);
      assert(!/\n|s3cret|k-1|abc/.test(error.message), error.message);
      assert(
        !/s3cret|k-1|abc/.test(String((error.cause as Error | undefined)?.stack)),
        "in its cause",
      );
      assertEquals(!error.final, mayRetry ?? !error.final);
    });
  }

  test("that sends us elsewhere is not followed with our key", async () => {
    const asked: string[] = [];
    await using elsewhere = await httpServer(({ url }, response) => {
      asked.push(url ?? "");
      response.end("{}");
    });
    await using place = await httpServer((_, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${elsewhere.port}/` }).end();
    });

    await assertRejects(() => post(connect(`http://127.0.0.1:${place.port}`)), ProxyError);

    assertEquals(asked, []);
  });

  for (const [what, error, trouble] of recorded) {
    test(`is understood through the words of ${what}`, () => {
      assertEquals(toTrouble(error), trouble);
    });
  }

  test("is gone when nobody is there, and not when somebody is busy", async () => {
    await using dead = await deadPort();
    await using busy = await silent();

    const errors = await Promise.all(
      ([[dead, 10_000], [busy, 50]] as const).map(async ([{ port }, patienceMs]) =>
        await assertRejects(() => post(connect(`http://127.0.0.1:${port}`), patienceMs), ProxyError)
      ),
    );

    assertEquals(errors.map(({ cause }) => isGone(cause)), [true, false]);
  });

  test("is left without a word when the client has left", async () => {
    await using place = await silent();
    const client = new AbortController();

    const asking = connect(`http://127.0.0.1:${place.port}`).api("/models", {
      signal: client.signal,
    });
    client.abort(new Error("left"));
    const error = await assertRejects(() => asking, Error);

    assert(!(error instanceof ProxyError));
  });
});

function connect(baseUrl: string): Connection {
  return new Connection({
    ...{ address: () => ({ baseUrl, apiKey: "key-1" }), keySetting: "KEY", ours: false },
    ...{ fetch: patientFetch, clock: systemClock },
  });
}

/** As at the start: what does not answer is given up. */
async function post(connection: Connection, patienceMs = 10_000): Promise<Response> {
  return await connection.api("/chat/completions", {
    signal: AbortSignal.timeout(patienceMs),
    body: "{}",
  });
}

function bun(code: string, message: string): Error {
  return Object.assign(new TypeError(message), { code, errno: 0, path: "http://h.test/" });
}

function deno(message: string): Error {
  const cause = new Error(`error sending request for url (http://h.test/): ${message}`);
  return new TypeError("fetch failed", { cause });
}
