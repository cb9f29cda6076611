import { describe, test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { faultsOfSignature } from "../../src/build/code-signature.ts";
import { signedProgram } from "../support/mach-o.ts";

const sizes = { pages: 5, rest: 1024 };
const size = 4 * 4096 + 1024;

describe("the signature of a program for macOS", () => {
  test("is valid when every page has its hash", () => {
    for (const options of [sizes, { pages: 2, rest: 4096 }, { pages: 3, rest: 16 }]) {
      assertEquals(faultsOfSignature(signedProgram(options)), []);
    }
  });

  test("is invalid when any byte is another one, but for the program's name", () => {
    const whole = signedProgram(sizes);
    const name = size + 20 + 88;
    const refuses = (at: number, change: number) => {
      const file = whole.slice();
      file[at]! ^= change;
      assert(faultsOfSignature(file).length > 0, `the byte at ${at}`);
    };

    for (let at = 0; at < whole.length; at += 1) {
      const isPage = at >= 192 && at < size;
      if (!isPage && (at < name || at > name + 4)) [1, 0x80].forEach((bit) => refuses(at, bit));
    }
    fc.assert(
      fc.property(
        fc.integer({ min: 192, max: size - 1 }),
        fc.integer({ min: 1, max: 255 }),
        refuses,
      ),
    );
  });

  test("is invalid when it leaves something out, even if the rest is right", () => {
    for (
      const [less, fault] of [
        [{ hashedPages: 4 }, /4 pages are hashed, not 5/],
        [
          { hashedPages: 4, hashedBytes: 4 * 4096 },
          /Not everything before the signature is hashed/,
        ],
      ] as const
    ) {
      assertMatch(faultsOfSignature(signedProgram({ ...sizes, ...less })).join(), fault);
    }
  });

  test("says which page is wrong", () => {
    const file = signedProgram(sizes);
    file[2 * 4096 + 5]! ^= 1;

    assertEquals(faultsOfSignature(file), [
      "1 of 5 pages have another hash, the first at 8192",
    ]);
  });

  test("is invalid when it was cut off, or something was added", () => {
    const file = signedProgram(sizes);

    for (const cut of [0, 10, 100, size, size + 8, file.length - 1]) {
      assert(faultsOfSignature(file.subarray(0, cut)).length > 0, `cut at ${cut}`);
    }
    assertMatch(
      faultsOfSignature(new Uint8Array([...file, 0])).join(),
      /does not end where the file ends/,
    );
  });

  test("is invalid in a file that is no program for macOS", () => {
    const elf = new TextEncoder().encode("\x7fELF".padEnd(500));

    assertEquals(faultsOfSignature(elf), ["Cannot read this file: it is no program for macOS"]);
  });
});
