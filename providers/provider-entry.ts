/**
 * What is known of a calendar service before any of its code runs: its line in the registry. Configuration, API,
 * console and linter are built from entries. An entry loads no package of the service, so that it is read in no time.
 */
import type { z } from 'zod';
import type { Provider } from './provider.ts';

export interface ProviderEntry<Variables extends z.ZodRawShape = z.ZodRawShape, Settings = unknown> {
  /** The contract's `provider`, and the name of the service's folder. */
  readonly kind: string;
  /** For people. */
  readonly label: string;
  /** What `POST /v1/accounts` takes beside `provider`, `label` and `externalId`; `preset` where there are presets. */
  readonly credentials: CredentialSchema;
  /** What `PUT /v1/accounts/{id}/credentials` takes. */
  readonly newCredentials: CredentialSchema;
  /** What a form asks for: every key of `credentials` but `preset`, in order. */
  readonly fields: readonly CredentialField[];
  /** Servers and hosters that are known by name. Absent: the service is one. */
  readonly presets?: Readonly<Record<string, ProviderPreset>>;
  /** The host of an account's server, of what was discovered about the account. Absent: all have the same. */
  serverOf?(discovered: Record<string, unknown>): string | null;
  /** Absent: nothing has to be set up. */
  readonly environment?: ProviderEnvironment<Variables, Settings>;
  /** npm packages that only this folder may import. */
  readonly packages: readonly string[];
  /** `settings`: those of `environment`. */
  createProvider(settings: Settings): Promise<Provider>;
}

export type CredentialSchema = z.ZodObject<Readonly<Record<string, z.ZodType>>>;

interface CredentialField {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  /** `secret`: never shown, not while it is typed either. */
  readonly type: 'text' | 'url' | 'secret';
}

export interface ProviderPreset {
  readonly label: string;
  /** Stands for any server that no other preset names. */
  readonly isGeneric?: boolean;
  /** The service's only address; where it is absent, a person gives the server's. */
  readonly serverUrl?: string;
  readonly canCreateCalendars: boolean;
  /** People can sign in at the server with a browser (`providers/caldav/nextcloud-login.ts`). */
  readonly hasLoginFlow?: boolean;
  /** By name of a field; replaces that field's hint. */
  readonly hints?: Readonly<Record<string, string>>;
}

interface ProviderEnvironment<Variables extends z.ZodRawShape, Settings> {
  /** How each variable is read, by name; one that is not set is undefined. */
  readonly variables: Variables;
  /** The service is set up where all of these are set, and not where none is; some alone are an error. */
  readonly required: readonly (string & keyof Variables)[];
  /** What `createProvider` takes. */
  settings(values: z.output<z.ZodObject<Variables>>): Settings;
  /** How many requests a day this installation may make at the service; absent, or null: no limit. */
  dailyRequests?(settings: Settings): number | null;
  /** Addresses that the operator chose: they are reached wherever they are. */
  addresses(settings: Settings): readonly string[];
}

/** Lets TypeScript infer the types of the variables and of the settings. */
export function defineProvider<Variables extends z.ZodRawShape, Settings>(
  entry: ProviderEntry<Variables, Settings>,
): ProviderEntry {
  return entry as unknown as ProviderEntry;
}
