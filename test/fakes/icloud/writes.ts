/** GET, PUT, DELETE and MKCALENDAR. */
import type { Calendar } from './account.ts';
import { type Asked, type DavAnswer, decoded, failure, locate } from './answer.ts';
import { checkObject, mailsOf, unfold } from './objects.ts';
import { DAV, parseXml, type XmlElement } from './xml.ts';

export function get(asked: Asked): DavAnswer {
  const found = locate(asked);
  const object = found?.calendar.content.objects.get(found.name);
  if (object === undefined || object.isGhost === true) return { status: 404 };
  return {
    status: 200,
    headers: { 'content-type': 'text/calendar', etag: object.etag, 'last-modified': object.modified.toUTCString() },
    body: object.data,
  };
}

export function put(asked: Asked): DavAnswer {
  const { account, headers, body, behaviour, mailed } = asked;
  const found = locate(asked);
  if (found === null || found.name === '') return { status: 404 };
  const { calendar, name } = found;
  const before = calendar.content.objects.get(name);
  if (calendar.access === 'read' || calendar.isSubscription) return failure(403, DAV, 'need-privileges');
  if (isRefused(headers, before?.etag)) return { status: 412 };
  if (!/^text\/calendar\b/i.test(headers['content-type'] ?? '')) return { status: 415 };
  const checked = checkObject(body, calendar.component);
  if (typeof checked === 'number') return { status: checked };
  if (behaviour.refusesOrganizers && hasForeignOrganizer(checked.data, account.addresses)) return { status: 403 };
  if (before !== undefined && before.uid !== checked.uid) return { status: 403 };
  if (hasUid([...account.calendars.values()], checked.uid, calendar, name)) return { status: 412 };
  mailed(mailsOf(before?.data ?? null, checked.data, account.addresses, true));
  const { etag } = calendar.content.put(name, checked);
  const tellsEtag =
    behaviour.etagOnPut === 'always' || (behaviour.etagOnPut === 'unless-rewritten' && checked.data === body);
  return { status: before === undefined ? 201 : 204, ...(tellsEtag ? { headers: { etag } } : {}) };
}

export function remove(asked: Asked): DavAnswer {
  const { account, headers, mailed } = asked;
  const found = locate(asked);
  if (found === null) return { status: 404 };
  const { calendar, name } = found;
  if (name === '') {
    account.calendars.delete(calendar.id);
    return { status: 204 };
  }
  const object = calendar.content.objects.get(name);
  if (calendar.access === 'read' || calendar.isSubscription) return failure(403, DAV, 'need-privileges');
  if (object === undefined) return { status: 404 };
  if (isRefused(headers, object.etag)) return { status: 412 };
  mailed(mailsOf(object.data, null, account.addresses, headers['schedule-reply'] !== 'F'));
  calendar.content.remove(name);
  return { status: 204 };
}

export function makeCalendar({ account, path, body }: Asked): DavAnswer {
  const id = decoded(path.slice(account.home.length).replace(/\/$/, ''));
  if (!path.startsWith(account.home) || id === '' || id.includes('/')) return { status: 403 };
  if (account.calendars.has(id)) return { status: 405 };
  const named = (element: XmlElement | null | undefined): string | undefined =>
    element?.name === 'displayname' ? element.text : element?.children.map(named).find((text) => text !== undefined);
  account.addCalendar({ id, name: named(parseXml(body)) ?? id });
  return { status: 201 };
}

function hasForeignOrganizer(data: string, own: readonly string[]): boolean {
  return [...unfold(data).matchAll(/^ORGANIZER[;:].*mailto:(\S+)/gim)].some(
    ([, address = '']) => !own.includes(address.toLowerCase()),
  );
}

/** `If-Match: *` works backwards: refused for what is there, and what is not there is created (measured). */
function isRefused(headers: Asked['headers'], etag: string | undefined): boolean {
  const ifMatch = headers['if-match'];
  if (headers['if-none-match'] === '*' && etag !== undefined) return true;
  if (ifMatch === undefined) return false;
  return ifMatch === '*' ? etag !== undefined : ifMatch !== etag;
}

/** A UID is in an account once; what has it elsewhere is not told (issue jobisoft/DAV-4-TbSync#187). */
function hasUid(calendars: readonly Calendar[], uid: string, calendar: Calendar, name: string): boolean {
  return calendars.some((one) =>
    [...one.content.objects].some(
      ([other, object]) => object.uid === uid && !(one.content === calendar.content && other === name),
    ),
  );
}
