/** What is shorter is no secret but a placeholder such as `none`, and may be part of any word. */
const shortestSecret = 8;

/** The text with this mark wherever it held one of the secrets. */
export function hidden(
  text: string,
  secrets: readonly (string | undefined)[],
  mark: string,
): string {
  return secrets.reduce<string>(
    (safe, secret = "") => secret.length < shortestSecret ? safe : safe.replaceAll(secret, mark),
    text,
  );
}
