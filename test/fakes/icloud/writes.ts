/** GET, PUT, DELETE and MKCALENDAR. */
import type { Calendar } from './account.ts';
import { type AccountRequest, type DavAnswer, decoded, failure, locate } from './answer.ts';
import { checkObject, mailsOf, unfold } from './objects.ts';
import { DAV, parseXml, type XmlElement } from './xml.ts';

export function get(request: AccountRequest): DavAnswer {
  const found = locate(request);
  const object = found?.calendar.content.objects.get(found.name);
  if (object === undefined || object.isGhost === true) return { status: 404 };
  return {
    status: 200,
    headers: { 'content-type': 'text/calendar', etag: object.etag, 'last-modified': object.modified.toUTCString() },
    body: object.data,
  };
}

export function put(request: AccountRequest): DavAnswer {
  const { account, headers, body, behaviour, mailed } = request;
  const found = locate(request);
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
  const returnsEtag =
    behaviour.etagOnPut === 'always' || (behaviour.etagOnPut === 'unless-rewritten' && checked.data === body);
  return { status: before === undefined ? 201 : 204, ...(returnsEtag ? { headers: { etag } } : {}) };
}

export function remove(request: AccountRequest): DavAnswer {
  const { account, headers, mailed } = request;
  const found = locate(request);
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

export function makeCalendar({ account, path, body }: AccountRequest): DavAnswer {
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
function isRefused(headers: AccountRequest['headers'], etag: string | undefined): boolean {
  const ifMatch = headers['if-match'];
  if (headers['if-none-match'] === '*' && etag !== undefined) return true;
  if (ifMatch === undefined) return false;
  return ifMatch === '*' ? etag !== undefined : ifMatch !== etag;
}

/** A UID is unique in an account; the answer does not name the other object (issue jobisoft/DAV-4-TbSync#187). */
function hasUid(calendars: readonly Calendar[], uid: string, calendar: Calendar, name: string): boolean {
  return calendars.some((one) =>
    [...one.content.objects].some(
      ([other, object]) => object.uid === uid && !(one.content === calendar.content && other === name),
    ),
  );
}
