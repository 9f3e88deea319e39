/** A request to the API, and its answer. */
export interface ApiRequest {
  readonly method: string;
  /** Below the root: `/v1.0/…`, still escaped. */
  readonly path: string;
  readonly search: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
