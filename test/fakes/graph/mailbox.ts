/** Everything but calendars: the user, the mailbox's zone, names of zones, translation of ids. */
import { WINDOWS_TO_IANA_MAP } from 'windows-iana';
import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import type { Behaviour } from './behaviour.ts';
import { invalidBody, invalidRequest } from './graph-error.ts';
import type { IdKind } from './ids.ts';
import { masterId, occurrenceId, parseEventId } from './ids.ts';
import { entryOf } from './rows.ts';
import type { Actor, Mailbox, World } from './world.ts';

const KINDS: Readonly<Record<string, IdKind>> = { restId: 'rest', restImmutableEntryId: 'immutable' };

/** Personal accounts often have no `mail`. */
export function showUser({ id, email, displayName, consumer }: Mailbox): Json {
  return { id, displayName, userPrincipalName: email, mail: consumer ? null : email, preferredLanguage: null };
}

export function showMailboxSettings({ timeZone }: Mailbox, part: string | undefined): Json {
  return part === undefined
    ? { timeZone: timeZone.name, dateFormat: 'yyyy-MM-dd', timeFormat: 'HH:mm' }
    : { value: timeZone.name };
}

export function zoneNames(option: string | undefined, { ianaZones }: Behaviour): Json {
  const isIana = /'Iana'/i.test(option ?? '') && ianaZones === 'taken';
  const names = WINDOWS_TO_IANA_MAP.filter(({ territory }) => territory === '001').flatMap(({ windowsName, iana }) =>
    isIana ? iana : [windowsName],
  );
  return { value: [...new Set<string>(names)].map((alias) => ({ alias, displayName: alias })) };
}

/** @throws GraphError 400 */
export function translateIds(world: World, actor: Actor, body: unknown): Json {
  if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
  const { inputIds, sourceIdType, targetIdType } = body;
  const target = KINDS[String(targetIdType)];
  if (
    !Array.isArray(inputIds) ||
    inputIds.length > 1000 ||
    target === undefined ||
    KINDS[String(sourceIdType)] === undefined
  )
    throw invalidRequest('Your request is invalid.');
  return {
    value: inputIds.map((id: unknown) => {
      const { key, occurrence } = parseEventId(String(id));
      const item = world.items.get(key);
      if (item === undefined || item.deleted || entryOf(actor, item) === undefined)
        return { sourceId: id, errorDetails: { code: 'ErrorItemNotFound', message: '' } };
      const { generation } = item.state;
      const targetId =
        occurrence === null
          ? masterId(item.keys, target)
          : occurrenceId(item.keys, target, { ...occurrence, generation: occurrence.generation ?? generation });
      return { sourceId: id, targetId };
    }),
  };
}
