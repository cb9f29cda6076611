/** Something the user can fix. The CLI prints the message alone, without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  /** 2: the command or the settings are wrong; 1: the world is (no Python, nothing answers). */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: 1 | 2 } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 1;
  }
}
