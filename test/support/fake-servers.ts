import type { Child } from "../../src/supervisor/child.ts";
import type { Fetch } from "../../src/core/fetch.ts";
import type { Address } from "../../src/supervisor/lease.ts";

export interface FakeServer extends Child {
  readonly pid: number;
  readonly address: Address;
  readonly signals: string[];
  /** How many leases are held. */
  readonly leases: number;
  /** What it says of itself; it is ready at first. */
  say(health: object): void;
  die(code: number | null): void;
}

/** A machine on which servers are started, asked and killed, without a process or a port. */
export interface FakeServers {
  readonly started: readonly FakeServer[];
  readonly fetch: Fetch;
  readonly isAlive: (pid: number) => boolean;
  /** Every authorization that was sent anywhere. */
  readonly shown: readonly string[];
  spawnAt(address: Address): FakeServer;
  /** Somebody else at this address. */
  occupy(url: string, answer: () => Promise<Response>): void;
  /** What is to happen to every server as soon as it is started. */
  onStart: (server: FakeServer) => void;
}

export const fakeModel = { id: "tiny", context_length: 100, fingerprint: "f" };

export function fakeServers(): FakeServers {
  const started: FakeServer[] = [];
  const alive = new Map<number, FakeServer>();
  const others = new Map<string, () => Promise<Response>>();
  const shown: string[] = [];

  const fetch: Fetch = (target, { headers, signal }) => {
    const { origin: url, pathname } = new URL(target);
    const token = new Headers(headers).get("authorization");
    if (token) shown.push(token);
    const other = others.get(url);
    if (other) return other();
    const server = [...alive.values()].find(({ address }) => address.url === url);
    if (!server) return Promise.reject(new TypeError("connection refused"));
    return Promise.resolve(toParts(server).answer(pathname, token, signal));
  };

  const machine: FakeServers = {
    started,
    shown,
    fetch,
    isAlive: (pid) => alive.has(pid),
    spawnAt(address) {
      const server = fakeServer(1000 + started.length, address, (pid) => void alive.delete(pid));
      started.push(server);
      alive.set(server.pid, server);
      machine.onStart(server);
      return server;
    },
    occupy: (url, answer) => void others.set(url, answer),
    onStart: () => {},
  };
  return machine;
}

interface Parts {
  answer(path: string, token: string | null, signal: AbortSignal | null | undefined): Response;
}

const parts = new WeakMap<FakeServer, Parts>();

function toParts(server: FakeServer): Parts {
  const found = parts.get(server);
  if (!found) throw new Error("No server of this machine");
  return found;
}

function fakeServer(
  pid: number,
  address: Address,
  onDeath: (pid: number) => void,
): FakeServer {
  let health: object = { status: "ready", model: fakeModel };
  const held = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const exited = Promise.withResolvers<number | null>();
  const signals: string[] = [];
  const server: FakeServer = {
    ...{ pid, address, signals, exited: exited.promise },
    get leases() {
      return held.size;
    },
    say: (answer) => void (health = answer),
    signal(name) {
      signals.push(name);
      server.die(null);
    },
    die(code) {
      onDeath(pid);
      for (const lease of held) lease.error(new TypeError("socket closed"));
      held.clear();
      exited.resolve(code);
    },
  };
  parts.set(server, {
    answer(path, token, signal) {
      if (path === "/health") return Response.json({ pid, ...health });
      if (token !== `Bearer ${address.token}`) return new Response("{}", { status: 401 });
      return new Response(
        new ReadableStream({
          start(lease) {
            held.add(lease);
            signal?.addEventListener("abort", () => {
              if (held.delete(lease)) lease.error(signal.reason);
            });
          },
        }),
      );
    },
  });
  return server;
}
