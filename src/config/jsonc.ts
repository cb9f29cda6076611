/** JSON with comments and trailing commas, as JSON. Inside texts nothing is touched. */
export function toJson(jsonc: string): string {
  const tokens = /"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  const bare = jsonc.replace(tokens, (token) => token.startsWith('"') ? token : " ");
  return bare.replace(
    /"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g,
    (token) => token === "," ? " " : token,
  );
}
