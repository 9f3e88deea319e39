/**
 * What keeping push channels and receiving their notifications need of the database: `Store`, for channels. The
 * simulation puts channels in memory in its place.
 */
import type { Db } from './connect.ts';
import * as channels from './push-channels.ts';

type Bound<Work> = Work extends (db: Db, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

const CALLS = {
  addNeededChannels: channels.addNeededChannels,
  dueChannels: channels.dueChannels,
  hasChannels: channels.hasChannels,
  beginOpening: channels.beginOpening,
  storeOpened: channels.storeOpened,
  storeRefused: channels.storeRefused,
  storeChannel: channels.storeChannel,
  deleteChannel: channels.deleteChannel,
  pushChannel: channels.pushChannel,
  noteVerified: channels.noteVerified,
  noteNotified: channels.noteNotified,
  noteSignalled: channels.noteSignalled,
  noteEnding: channels.noteEnding,
  notifyAllChannels: channels.notifyAllChannels,
  unsignalled: channels.unsignalled,
};

/** Each method is the function of that name in push-channels.ts. */
export type ChannelStore = { readonly [Name in keyof typeof CALLS]: Bound<(typeof CALLS)[Name]> };

export function postgresChannels(db: Db): ChannelStore {
  const bound = Object.entries(CALLS).map(([name, call]) => [
    name,
    (...rest: unknown[]) => (call as (db: Db, ...rest: unknown[]) => unknown)(db, ...rest),
  ]);
  return Object.fromEntries(bound) as ChannelStore;
}
