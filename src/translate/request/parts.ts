import type {
  ContentBlock,
  DataSource,
  DocumentBlock,
  ImageBlock,
  ToolResultBlock,
} from "../../protocol/anthropic.ts";
import { type ChatPart, textOf } from "../../protocol/openai.ts";
import { blocksOf } from "./content.ts";
import type { Dialect } from "../dialect.ts";
import { toChatName } from "../tool-names.ts";

/** Stands between texts that are not one. */
export const separator = "\n\n";

/** What the user or a tool gave, in OpenAI's dialect: as text where it has no other form. */
export function toParts(block: ContentBlock, dialect: Dialect): readonly ChatPart[] {
  switch (block.type) {
    case "text":
      return [toText(textOf(block.text))];
    case "image":
      return [toImage(block, dialect)];
    case "document":
      return toDocument(block, dialect);
    case "search_result": {
      const { text, shown } = tell(block.content, dialect);
      return [toText(framed("search_result", block, text)), ...shown];
    }
    case "tool_result": {
      // Its call is not there, or was answered before: still worth reading.
      const { text, shown } = toResult(block, dialect);
      return [toText(`[Result of an earlier tool call]\n${text}`), ...shown];
    }
    case "tool_reference":
      return [toText(`${toChatName(textOf(block.tool_name))} can be called now.`)];
    case "tool_addition":
      return [toText(`${toChatName(textOf(block.tool?.name))} can be called now.`)];
    case "tool_removal":
      return [toText(`${toChatName(textOf(block.tool?.name))} cannot be called any more.`)];
    case "thinking":
    case "redacted_thinking":
    case "tool_use":
      return []; // only the model's
    default:
      return [toText(`[Content of type ${JSON.stringify(block.type)}, which is not shown here]`)];
  }
}

/** Content told as text; what is to be shown behind it cannot be part of the text. */
export interface Rendered {
  readonly text: string;
  readonly shown: readonly ChatPart[];
}

/** `is_error` has no place in this dialect; the client's texts say it themselves. */
export function toResult({ content, is_error }: ToolResultBlock, dialect: Dialect): Rendered {
  const { text, shown } = tell(content, dialect);
  return { text: text || (is_error ? "Error" : "(no output)"), shown };
}

/** True for what the model does not get to see: a short text stands in its place. */
export function isUnreadable(block: ContentBlock, dialect: Dialect): boolean {
  if (block.type === "image") return addressOf(block.source, dialect.seesImages) === undefined;
  if (block.type !== "document") return false;
  const { source } = block;
  const isText = source?.type === "text" || source?.type === "content";
  return !isText && addressOf(source, dialect.readsFiles) === undefined;
}

function tell(content: unknown, dialect: Dialect): Rendered {
  const parts = blocksOf(content).flatMap((block) => toParts(block, dialect));
  return {
    text: parts.map(placeOf).join(separator),
    shown: parts.filter(({ type }) => type !== "text"),
  };
}

function placeOf(part: ChatPart): string {
  if (part.type === "text") return part.text;
  return part.type === "image_url" ? "[Image: see below]" : "[Document: see below]";
}

function toText(text: string): ChatPart {
  return { type: "text", text };
}

function toImage({ source }: ImageBlock, { seesImages }: Dialect): ChatPart {
  const url = addressOf(source, seesImages);
  if (url === undefined) return toText("[An image that this model cannot see]");
  return { type: "image_url", image_url: { url } };
}

function toDocument(block: DocumentBlock, dialect: Dialect): readonly ChatPart[] {
  const { source, title } = block;
  if (source?.type === "text") return [toText(framed("document", block, textOf(source.data)))];
  if (source?.type === "content") {
    const { text, shown } = tell(source.content, dialect);
    return [toText(framed("document", block, text)), ...shown];
  }
  const file_data = addressOf(source, dialect.readsFiles);
  if (file_data === undefined) return [toText("[A document that this model cannot read]")];
  return [{ type: "file", file: { filename: textOf(title) || "document.pdf", file_data } }];
}

/** Undefined where the server does not take such data, and for what lies at Anthropic. */
function addressOf(source: DataSource | undefined, isTaken: boolean): string | undefined {
  if (!isTaken) return undefined;
  if (source?.type === "url") return textOf(source.url) || undefined;
  if (source?.type !== "base64") return undefined;
  return `data:${source.media_type};base64,${source.data}`;
}

function framed(tag: string, { source, title, context }: About, text: string): string {
  const fields = Object.entries({ source, title, context }).flatMap(([name, value]) =>
    textOf(value) === "" ? [] : `<${name}>${textOf(value)}</${name}>`
  );
  return [`<${tag}>`, ...fields, text, `</${tag}>`].join("\n");
}

/** What a document or a search result says of itself. */
interface About {
  readonly source?: unknown;
  readonly title?: unknown;
  readonly context?: unknown;
}
