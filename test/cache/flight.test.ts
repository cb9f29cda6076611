import { describe, test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { Flight } from "../../src/cache/flight.ts";

/** A source driven by the test; says when it was stopped. */
function createSource() {
  const items: (string | Error | undefined)[] = [];
  let wake = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const say = (item: string | Error | undefined) => {
    items.push(item);
    wake.resolve();
  };
  async function* open(signal: AbortSignal): AsyncGenerator<string> {
    signal.addEventListener("abort", () => stopped.resolve());
    for (;;) {
      while (items.length === 0) {
        wake = Promise.withResolvers<void>();
        await wake.promise;
      }
      const item = items.shift();
      if (item instanceof Error) throw item;
      if (item === undefined) return;
      yield item;
    }
  }
  return { open, say, stopped: stopped.promise };
}

const never = new AbortController().signal;
const read = (items: AsyncIterable<string>) => Array.fromAsync(items);

describe("Flight", () => {
  test("tells late comers everything from the start", async () => {
    const source = createSource();
    const flight = new Flight(source.open, () => {});
    const first = flight.watch(never);
    source.say("a");
    await first.next();
    const late = read(flight.watch(never));
    source.say("b");
    source.say(undefined);

    assertEquals(await late, ["a", "b"]);
    assertEquals(await read(first), ["b"]);
  });

  test("goes on when one of two leaves, and stops when the last one does", async () => {
    const source = createSource();
    const ended: string[] = [];
    const flight = new Flight(source.open, () => ended.push("ended"));
    const [one, two] = [new AbortController(), new AbortController()];
    const first = flight.watch(one.signal);
    const second = flight.watch(two.signal);
    source.say("a");
    await Promise.all([first.next(), second.next()]);

    const waiting = first.next();
    one.abort(new Error("left"));
    await assertRejects(() => waiting, Error, "left");
    source.say("b");
    assertEquals((await second.next()).value, "b");
    assertEquals(ended, []);
    await second.return(undefined);

    await source.stopped;
    assertEquals(ended, ["ended"]);
  });

  test("fails for everybody when the source fails", async () => {
    const source = createSource();
    const flight = new Flight(source.open, () => {});
    const both = [read(flight.watch(never)), read(flight.watch(never))];
    source.say(new Error("backend died"));

    for (const watcher of both) await assertRejects(() => watcher, Error, "backend died");
  });
});
