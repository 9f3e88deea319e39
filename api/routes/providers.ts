import { z } from 'zod';
import { ENTRIES } from '../../providers/entries.ts';
import type { Provider } from '../../providers/provider.ts';
import type { ProviderEntry } from '../../providers/provider-entry.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { listOf, pageQuery, slicePage } from '../pagination.ts';
import { errorResponses } from '../validation.ts';

const provider = z
  .object({
    provider: z.string(),
    label: z.string(),
    configured: z.boolean().describe('False: this installation takes no accounts of this provider.'),
    browserSignIn: z.boolean().describe('Whether people can sign in by browser: `POST /v1/oauth/{provider}/start`.'),
    variables: z.array(z.string()).describe('Environment variables that the operator sets to configure it.'),
    fields: z
      .array(
        z.object({
          name: z.string(),
          label: z.string(),
          hint: z.string(),
          type: z.enum(['text', 'url', 'secret']),
          optional: z.boolean(),
          newCredentials: z
            .enum(['required', 'optional', 'unchanged'])
            .describe('What `PUT /v1/accounts/{id}/credentials` does with it.'),
        }),
      )
      .describe('What `POST /v1/accounts` takes, beside the preset where there are any.'),
    presets: z
      .array(
        z.object({
          preset: z.string(),
          label: z.string(),
          generic: z.boolean().describe('For any server without a preset of its own.'),
          serverUrl: z.string().nullable().describe('The fixed address; null: the account has to name one.'),
          capabilities: z.object({ createCalendar: z.boolean() }),
          browserSignIn: z
            .boolean()
            .describe('Whether people can sign in at the server: `POST /v1/accounts/nextcloud-login`.'),
          hints: z.record(z.string(), z.string()).describe('By field: replaces its hint.'),
        }),
      )
      .describe('Known servers and hosters. Empty: accounts of this provider have no preset.'),
  })
  .meta({ id: 'Provider' });

export function providerRoutes(app: Api, { providers }: ApiDeps): void {
  app.get(
    '/v1/providers',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'List the providers',
        description: 'The calendar services that accounts can belong to, and what a form for such an account asks for.',
        querystring: z.strictObject(pageQuery()),
        response: { 200: listOf(provider), ...errorResponses },
      },
    },
    (request) =>
      slicePage(
        ENTRIES.map((entry) => toJson(entry, providers.get(entry.kind))),
        request.query,
      ),
  );
}

function toJson(entry: ProviderEntry, opened: Provider | undefined): z.infer<typeof provider> {
  const { kind, label, credentials, newCredentials, fields, presets = {}, environment } = entry;
  return {
    provider: kind,
    label,
    configured: opened !== undefined,
    browserSignIn: opened?.signIn !== undefined,
    variables: [...(environment?.required ?? [])],
    fields: fields.map((field) => {
      const renewal = newCredentials.shape[field.name];
      return {
        ...field,
        optional: credentials.shape[field.name]?.isOptional() === true,
        newCredentials: renewal === undefined ? 'unchanged' : renewal.isOptional() ? 'optional' : 'required',
      };
    }),
    presets: Object.entries(presets).map(([preset, about]) => ({
      preset,
      label: about.label,
      generic: about.isGeneric === true,
      serverUrl: about.serverUrl ?? null,
      capabilities: { createCalendar: about.canCreateCalendars },
      browserSignIn: about.hasLoginFlow === true,
      hints: { ...about.hints },
    })),
  };
}
