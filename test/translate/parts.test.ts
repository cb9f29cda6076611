import { describe, test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import type { ContentBlock } from "../../src/protocol/anthropic.ts";
import type { ChatPart } from "../../src/protocol/openai.ts";
import type { Dialect } from "../../src/translate/dialect.ts";
import {
  assistant,
  call,
  chat,
  image,
  other,
  pdf,
  result,
  system,
  text,
  user,
} from "../support/conversation.ts";

const asked = user(text("Go"));
const blind: Partial<Dialect> = { seesImages: false };
const unseen = "[An image that this model cannot see]";
const unread = "[A document that this model cannot read]";

describe("an image", () => {
  test("is shown with its data or its address", () => {
    const remote = { type: "image" as const, source: { type: "url" as const, url: "http://x/y" } };

    assertEquals(shown(user(image, remote)), [
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      { type: "image_url", image_url: { url: "http://x/y" } },
    ]);
  });

  test("of the user's question is refused by a model that reads only text", () => {
    const error = assertThrows(() => chat([user(text("What?"), image)], blind), ProxyError);

    assertEquals([error.status, error.final], [400, true]);
    assert(error.message.includes("image") && error.message.includes("Esc"), error.message);
  });

  test("is refused also when tools gave something earlier", () => {
    const earlier = [asked, assistant(call("a")), user(result("a")), assistant(text("Done"))];

    assertThrows(() => chat([...earlier, user(image)], blind), ProxyError);
  });

  test("is refused also where reminders follow", () => {
    const messages = [asked, assistant(text("Yes")), user(image), system("Later")];

    assertThrows(() => chat(messages, blind), ProxyError);
  });

  test("further back is told as text, so that the session goes on", () => {
    const messages = chat([user(image), user(text("Without it, then"))], blind);

    assertEquals(messages, [
      { role: "user", content: unseen },
      { role: "user", content: "Without it, then" },
    ]);
  });

  test("that a tool gave is told as text, wherever the client puts it", () => {
    const inside = [asked, assistant(call("a")), user(result("a", [text("It:"), image]))];
    const beside = [asked, assistant(call("a")), user(result("a", "It:")), user(image)];

    assertEquals(chat(inside, blind).at(-1)?.content, `It:\n\n${unseen}`);
    assertEquals(chat(beside, blind).at(-1)?.content, unseen);
  });

  test("that lies at Anthropic cannot be seen by any other model", () => {
    const stored = { type: "image" as const, source: { type: "file" as const } };

    assertThrows(() => chat([user(stored)]), ProxyError);
    assertEquals(shown(user(stored), asked), unseen);
  });
});

describe("a document", () => {
  const reads: Partial<Dialect> = { readsFiles: true };

  test("of text is told with its title", () => {
    const plain: ContentBlock = {
      type: "document",
      title: "Notes",
      context: "Of Monday",
      source: { type: "text", data: "a\r\nb " },
    };

    assertEquals(
      shown(user(plain)),
      "<document>\n<title>Notes</title>\n<context>Of Monday</context>\na\r\nb \n</document>",
    );
  });

  test("of blocks is told like these", () => {
    const mixed: ContentBlock = {
      type: "document",
      source: { type: "content", content: [text("One"), image] },
    };

    assertEquals(shown(user(mixed)), [
      { type: "text", text: "<document>\nOne\n\n[Image: see below]\n</document>" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
    ]);
  });

  test("is handed on as a file where these are read", () => {
    const remote: ContentBlock = { type: "document", source: { type: "url", url: "http://x/y" } };

    assertEquals(chat([user(pdf, remote)], reads)[0]?.content, [
      {
        type: "file",
        file: { filename: "Plan.pdf", file_data: "data:application/pdf;base64,JVBE" },
      },
      { type: "file", file: { filename: "document.pdf", file_data: "http://x/y" } },
    ]);
  });

  test("that a tool gave follows the result", () => {
    const messages = chat([asked, assistant(call("a")), user(result("a", [pdf]))], reads);

    assertEquals(messages[2]?.content, "[Document: see below]");
    assertEquals((messages[3]?.content?.[0] as ChatPart).type, "file");
  });

  test("is refused, or told as text, like an image", () => {
    const error = assertThrows(() => chat([user(pdf)]), ProxyError, "document");

    assertEquals(error.final, true);
    assertEquals(shown(user(pdf), asked), unread);
  });

  test("that is broken does no harm", () => {
    const broken = [{}, { source: null }, { source: { type: "content", content: [null, 1, {}] } }]
      .map((fields) => other({ type: "document", ...fields }));

    assertEquals(
      shown(user(...broken), asked),
      [unread, unread, "<document>\n\n</document>"].join("\n\n"),
    );
  });
});

describe("other content", () => {
  test("that was searched for is told with where it was found", () => {
    const found: ContentBlock = {
      type: "search_result",
      source: "http://x",
      title: "T",
      content: [text("One"), text("Two")],
    };
    const expected = [
      "<search_result>\n<source>http://x</source>\n<title>T</title>",
      "One\n\nTwo\n</search_result>",
    ].join("\n");

    assertEquals(shown(user(found)), expected);
    assertEquals(
      chat([asked, assistant(call("a")), user(result("a", [found]))]).at(-1)?.content,
      expected,
    );
  });

  test("that tells which tools there are is told in words", () => {
    const later: ContentBlock[] = [
      { type: "tool_addition", tool: { type: "tool_reference", name: "Grep" } },
      { type: "tool_removal", tool: { type: "tool_reference", name: "Read" } },
    ];
    const loaded = [{ type: "tool_reference" as const, tool_name: "Grep" }];

    assertEquals(
      chat([asked, assistant(text("Yes")), system(later)]).at(-1)?.content,
      "Grep can be called now.\n\nRead cannot be called any more.",
    );
    assertEquals(
      chat([asked, assistant(call("a")), user(result("a", loaded))]).at(-1)?.content,
      "Grep can be called now.",
    );
  });

  test("of an unknown kind is named", () => {
    assertEquals(
      shown(user(other({ type: "hologram" }))),
      '[Content of type "hologram", which is not shown here]',
    );
  });
});

function shown(...messages: Parameters<typeof chat>[0]) {
  return chat(messages)[0]?.content;
}
