/**
 * How CalDAV servers differ, as switches: each was read from or seen on a real server. A world takes one of the named
 * servers, or a mixture.
 */
import { type Component, mapObject } from './ics-text.ts';

export interface Ways {
  readonly name: string;
  /** Of the calendar collection. */
  readonly path: string;
  readonly etags: 'strong' | 'weak' | 'none';
  /** Whether a PUT answers with the ETag; `unless-rewritten` (RFC 4791 5.3.4) leaves it out for other content. */
  readonly etagOnPut: 'always' | 'unless-rewritten' | 'never';
  readonly lastModified: boolean;
  /** What is stored in place of what was sent. */
  readonly rewrite: 'nothing' | 'order' | 'folding' | 'stamps';
  /** Line ends that calendar data has in XML. */
  readonly xmlLines: 'crlf' | 'lf';
  readonly changes: 'sync' | 'ctag' | 'etags';
  /** Members in one answer of sync-collection; the rest is announced with 507. */
  readonly syncPage: number;
  /** The first sync-collection answers empty although there are members. */
  readonly emptyFirstSync: boolean;
  /** A deletion is never in a sync-collection (the listing is full). */
  readonly forgetsRemovals: boolean;
  /** What a UID that another object has is answered with. */
  readonly uidTaken: '403 no-uid-conflict' | '409 no-uid-conflict' | '412 no-uid-conflict' | '409' | '412' | '400 text';
  /** Missing objects in a multiget. */
  readonly missing: '404' | 'left out' | 'whole report 404';
  /** Every third object is left out of a multiget although it is there. */
  readonly multigetForgets: boolean;
  readonly hrefs: 'path' | 'absolute' | 'decoded';
  /** Every fifth write is answered with 423 first. */
  readonly locks: boolean;
}

const PLAIN: Ways = {
  name: 'plain',
  path: '/dav/owner/cal/',
  etags: 'strong',
  etagOnPut: 'always',
  lastModified: true,
  rewrite: 'nothing',
  xmlLines: 'crlf',
  changes: 'sync',
  syncPage: 1000,
  emptyFirstSync: false,
  forgetsRemovals: false,
  uidTaken: '409 no-uid-conflict',
  missing: '404',
  multigetForgets: false,
  hrefs: 'path',
  locks: false,
};

export const WAYS: readonly Ways[] = [
  {
    ...PLAIN,
    name: 'sabre',
    path: '/remote.php/dav/calendars/owner/cal/',
    xmlLines: 'lf',
    uidTaken: '400 text',
  },
  { ...PLAIN, name: 'radicale', path: '/owner/cal/', rewrite: 'order', etagOnPut: 'always' },
  {
    ...PLAIN,
    name: 'xandikos',
    path: '/owner/calendars/cal/',
    uidTaken: '412 no-uid-conflict',
    lastModified: false,
    locks: true,
    changes: 'sync',
  },
  {
    ...PLAIN,
    name: 'cyrus',
    path: '/dav/calendars/user/owner/cal/',
    rewrite: 'folding',
    etagOnPut: 'unless-rewritten',
    uidTaken: '403 no-uid-conflict',
    syncPage: 1,
  },
  {
    ...PLAIN,
    name: 'icloud',
    path: '/1234567890/calendars/2D1B0E52-9C1F-4C52-9A6C-6B1F0C7C2B11/',
    rewrite: 'stamps',
    etagOnPut: 'unless-rewritten',
    uidTaken: '412',
    hrefs: 'absolute',
  },
  { ...PLAIN, name: 'behind a compressing proxy', etags: 'weak', changes: 'ctag', missing: 'left out' },
  { ...PLAIN, name: 'without etags', etags: 'none', changes: 'etags', uidTaken: '409', multigetForgets: true },
  { ...PLAIN, name: 'without etags and times', etags: 'none', lastModified: false, changes: 'ctag' },
  { ...PLAIN, name: 'davical', missing: 'whole report 404', etagOnPut: 'never', hrefs: 'decoded' },
  { ...PLAIN, name: 'empty first sync-collection', emptyFirstSync: true },
];

/** What the server stores for an object that it was sent. */
export function rewritten(text: string, { rewrite }: Ways, now: string): string {
  switch (rewrite) {
    case 'nothing':
      return text;
    case 'order':
      // As vobject prints: properties by name, folded anew.
      return mapObject(text, (component) => ({
        ...component,
        lines: component.lines.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0)),
      }));
    case 'folding':
      return mapObject(text, (component) => component, 60);
    case 'stamps':
      return mapObject(text, (component) => (component.name === 'VEVENT' ? stamped(component, now) : component));
  }
}

function stamped(component: Component, now: string): Component {
  const lines = component.lines.filter((line) => nameOf(line) !== 'CREATED' || component.lines.indexOf(line) >= 0);
  return lines.some((line) => nameOf(line) === 'CREATED')
    ? { ...component, lines }
    : { ...component, lines: [`CREATED:${now}`, ...lines] };
}

function nameOf(line: string): string {
  return /^[^;:]*/.exec(line)![0].toUpperCase();
}
