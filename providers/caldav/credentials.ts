/** What a CalDAV account consists of. */
import { z } from 'zod';
import { PRESETS, type PresetName } from './presets.ts';
import { addressesOf } from './server-address.ts';

const username = z.string().min(1).max(320);
const password = z.string().min(1).max(1000);
const serverUrl = z
  .string()
  .max(2000)
  .refine(
    (text) => addressesOf(text).length > 0,
    'must be a host name or an https:// address, without a password in it',
  );

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
