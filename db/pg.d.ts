/** What we and drizzle use of PostgreSQL's driver, which brings no types of its own. */
declare module 'pg' {
  export type QueryResultRow = Record<string, unknown>;
  export interface QueryResult<Row> {
    rows: Row[];
  }
  export interface Setting {
    connectionString: string;
    connectionTimeoutMillis?: number;
    max?: number;
    application_name?: string;
    keepAlive?: boolean;
    idleTimeoutMillis?: number;
  }
  export class Client {
    constructor(setting: Setting);
    connect(): Promise<void>;
    end(): Promise<void>;
    query(text: string): Promise<QueryResult<QueryResultRow>>;
    on(event: 'error', listener: (error: Error) => void): this;
  }
  export class PoolClient extends Client {
    /** @param isBad true: the connection is closed and not used again */
    release(isBad: boolean): void;
  }
  export class Pool {
    constructor(setting: Setting);
    connect(): Promise<PoolClient>;
    end(): Promise<void>;
    query(text: string): Promise<QueryResult<QueryResultRow>>;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'connect', listener: (client: PoolClient) => void): this;
  }
}
