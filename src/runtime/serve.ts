/** Listens on loopback. Which file does it is chosen by `imports` in package.json. */
export type Serve = (options: {
  /** 0: any free one. */
  readonly port: number;
  readonly fetch: (request: Request) => Response | Promise<Response>;
}) => Promise<Serving>;

export interface Serving extends AsyncDisposable {
  readonly url: string;
}
