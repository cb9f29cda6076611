/**
 * Stand-in for JSR's `@std/assert`, which has no npm copy: the same names and meanings over
 * `node:assert`. Bun and `tsc` find it through `paths` in tsconfig.json; Deno uses the real one
 * unless it runs with `--import-map=test/support/deno.offline.json`.
 */
import strict from "node:assert/strict";

export function assert(value: unknown, message = "Expected a truthy value"): asserts value {
  strict.ok(value, message);
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  if (message === undefined) strict.deepEqual(actual, expected);
  else strict.deepEqual(actual, expected, message);
}

export function assertStrictEquals<T>(actual: T, expected: T): void {
  strict.ok(Object.is(actual, expected), "Expected one and the same value");
}

export function assertNotEquals<T>(actual: T, expected: T): void {
  strict.notDeepEqual(actual, expected);
}

export function assertStringIncludes(actual: string, expected: string): void {
  strict.ok(
    actual.includes(expected),
    `Expected ${JSON.stringify(actual)} to include ${JSON.stringify(expected)}`,
  );
}

export function assertMatch(actual: string, expected: RegExp): void {
  strict.match(actual, expected);
}

// deno-lint-ignore no-explicit-any -- the signature of @std/assert
type ErrorClass<E extends Error> = new (...args: any[]) => E;

export function assertThrows<E extends Error>(
  run: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes = "",
): E {
  try {
    run();
  } catch (error) {
    return checked(error, errorClass, messageIncludes);
  }
  throw new strict.AssertionError({ message: "Expected function to throw" });
}

export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes = "",
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return checked(error, errorClass, messageIncludes);
  }
  throw new strict.AssertionError({ message: "Expected promise to reject" });
}

function checked<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  messageIncludes: string,
): E {
  if (errorClass) strict.ok(error instanceof errorClass, `Unexpected error ${String(error)}`);
  strict.ok(error instanceof Error);
  assertStringIncludes(error.message, messageIncludes);
  return error as E;
}
