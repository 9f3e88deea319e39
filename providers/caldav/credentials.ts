/** What a CalDAV account consists of. */
import { z } from 'zod';
import { PRESETS, type PresetName } from './presets.ts';

const username = z.string().min(1).max(320);
const password = z.string().min(1).max(1000);
const serverUrl = z.string().max(2000).refine(isServerUrl, 'must be an http(s) URL without credentials in it');

export const Credentials = z
  .object({
    preset: z.enum(Object.keys(PRESETS) as [PresetName, ...PresetName[]]),
    serverUrl: serverUrl.optional(),
    username,
    password,
  })
  .refine((credentials) => credentials.serverUrl !== undefined || PRESETS[credentials.preset].serverUrl !== undefined, {
    path: ['serverUrl'],
    message: 'is required for this preset',
  });
export type Credentials = z.infer<typeof Credentials>;

export const NewCredentials = z.object({ password, username: username.optional() });

export function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === '';
}
