import type { Part } from "./answer.ts";
import type { Dialect } from "./dialect.ts";
import { inTurns, piecesOf } from "./pieces.ts";
import type { Tape } from "./tape.ts";

export type Call = Extract<Part, { kind: "call" }>;
type Delta = Readonly<Record<string, unknown>>;
type CallDelta = Readonly<Record<string, unknown>>;

/** Calls that follow on one another; `first` is the number of the first one in the answer. */
export function toCallDeltas(
  calls: readonly Call[],
  first: number,
  dialect: Dialect,
  tape: Tape,
): readonly Delta[] {
  const told = calls.map((call, position) => toPieces(call, first + position, dialect, tape));
  if (dialect.calls === "together") {
    const length = Math.max(0, ...told.map((pieces) => pieces.length));
    // Without an index it is the position that says which call is meant.
    const none = dialect.index === "none" ? [{ function: { arguments: "" } }] : [];
    return Array.from({ length }, (_, turn) => ({
      tool_calls: told.flatMap((pieces) => pieces[turn] ?? none),
    }));
  }
  const pieces = dialect.calls === "interleaved" ? inTurns(told, tape) : told.flat();
  return pieces.map((piece) => ({ tool_calls: [piece] }));
}

function toPieces(call: Call, number: number, dialect: Dialect, tape: Tape): readonly CallDelta[] {
  const { index, ids, names } = dialect;
  const pieces = toArguments(call, dialect, tape).map((written): Delta => ({ ...written }));
  // The name comes with the first piece, or behind the last one: never behind nothing.
  const isLate = names === "late" && pieces.some((piece) => piece["arguments"]);
  if (isLate) pieces.push({});
  return pieces.map((written, turn) => {
    const isFirst = turn === 0;
    const isNamed = isLate ? turn === pieces.length - 1 : isFirst || names === "every";
    const id = {
      first: isFirst ? `call_${number}` : undefined,
      every: `call_${number}`,
      same: isFirst ? "call_0" : undefined,
      fresh: `call_${number}_${turn}`,
      none: undefined,
    }[ids];
    return {
      ...(index === "none" ? {} : { index: index === "zero" ? 0 : number }),
      ...(id === undefined ? {} : { id }),
      ...(tape.chance(2) ? { type: "function" } : {}),
      function: { ...(isNamed ? { name: call.name } : {}), ...written },
    };
  });
}

/** The field `arguments`, piece by piece; missing where there is none. */
function toArguments({ json }: Call, dialect: Dialect, tape: Tape): readonly Delta[] {
  if (json === "{}" || json === "") {
    if (dialect.emptyInput === "missing") return [{}];
    if (dialect.emptyInput === "null") return [{ arguments: null }];
    return [{ arguments: json && dialect.emptyInput }];
  }
  if (dialect.arguments === "object" && isJson(json)) return [{ arguments: JSON.parse(json) }];
  if (dialect.arguments !== "pieces") return [{ arguments: json }];
  const pieces = piecesOf(json, dialect, tape).map((written) => ({ arguments: written }));
  // One that says nothing at all begins no call.
  const begins = dialect.names !== "late" || dialect.ids !== "none";
  return tape.chance(2) && begins ? [{ arguments: "" }, ...pieces] : pieces;
}

function isJson(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false; // it was cut by the limit
  }
}
