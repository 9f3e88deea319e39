/**
 * Two people, each editing one calendar, who never overwrite a change they have not seen. Every word they write occurs
 * once in a campaign (`title-17z`), so the final check can find each.
 */
import { occurrenceId } from '../../core/recurrence/occurrence.ts';
import type { CloudPerson } from '../support/cloud.ts';
import { basicAuthorization, type DavServer } from '../support/dav.ts';
import { hourAt } from '../support/fixture.ts';
import { at, BAGGAGE, object } from '../support/ics.ts';
import { randomFrom } from '../support/random.ts';

/** `other` is the title of one occurrence of a series. */
export type Field = 'title' | 'place' | 'text' | 'other';
type Words = Readonly<Partial<Record<Field, string>>>;
export const KINDS = ['timed', 'all-day', 'series'] as const;
export type Kind = (typeof KINDS)[number];

/** An event as a person sees it on the screen. */
interface OpenEvent {
  readonly words: ReadonlySet<string>;
  /** False, and nothing written, when another writer was faster. */
  replace(word: string, by: string): Promise<boolean>;
  /** The words that were on the screen; null when another writer was faster. */
  remove(): Promise<ReadonlySet<string> | null>;
}

export interface Actor {
  /** Names of all events; a series has one. */
  list(): Promise<string[]>;
  /** Null if the event has just been deleted. */
  open(name: string): Promise<OpenEvent | null>;
  create(number: number, kind: Kind, words: Words): Promise<void>;
}

export function wordsIn(text: string): Set<string> {
  return new Set(text.match(/\b(?:title|place|text|other)-\d+z\b/g) ?? []);
}

export function davActor({ username, password }: Pick<DavServer, 'username' | 'password'>, calendar: string): Actor {
  const authorization = basicAuthorization(username, password);
  const send = (method: string, name: string, headers: Record<string, string> = {}, body?: string): Promise<Response> =>
    fetch(new URL(name, calendar), {
      method,
      headers: { authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  const wordsOf = async (name: string): Promise<Set<string> | null> => {
    const answer = await send('GET', name);
    const text = await answer.text();
    return answer.ok ? wordsIn(text.replace(/\r?\n[ \t]/g, '')) : null;
  };

  /**
   * @param check looks for the effect after a 500: these servers may fail on two simultaneous writes and still store
   * one
   */
  const isDone = async (answer: Response, check: () => Promise<boolean>): Promise<boolean> => {
    await answer.text();
    if (answer.ok) return true;
    if (answer.status === 500) return check();
    // Lost races; Xandikos locks the calendar during each write.
    if ([404, 409, 412, 423].includes(answer.status)) return false;
    throw new Error(`a person's request was answered ${answer.status}`);
  };

  return {
    async list() {
      const answer = await send(
        'PROPFIND',
        '',
        { depth: '1', 'content-type': 'application/xml; charset=utf-8' },
        '<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>',
      );
      return [...(await answer.text()).matchAll(/<(?:\w+:)?href[^>]*>([^<]+\.ics)</g)]
        .map(([, href = '']) => href)
        .sort();
    },
    async open(name) {
      const answer = await send('GET', name);
      const [etag, text] = [answer.headers.get('etag') ?? '', (await answer.text()).replace(/\r?\n[ \t]/g, '')];
      if (!answer.ok) return null;
      const words = wordsIn(text);
      return {
        words,
        replace: async (word, by) =>
          isDone(
            await send(
              'PUT',
              name,
              { 'if-match': etag, 'content-type': 'text/calendar; charset=utf-8' },
              text.replaceAll(word, by),
            ),
            async () => (await wordsOf(name))?.has(by) === true,
          ),
        remove: async () =>
          (await isDone(await send('DELETE', name, { 'if-match': etag }), async () => (await wordsOf(name)) === null))
            ? words
            : null,
      };
    },
    async create(number, kind, words) {
      const name = `person-${number}.ics`;
      const answer = await send(
        'PUT',
        name,
        { 'if-none-match': '*', 'content-type': 'text/calendar; charset=utf-8' },
        davEvent(number, kind, words),
      );
      if (await isDone(answer, async () => (await wordsOf(name)) !== null)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
      await this.create(number, kind, words);
    },
  };
}

function davEvent(number: number, kind: Kind, { title, place, text, other }: Words): string {
  const day = dayOf(number);
  const lines = [`SUMMARY:${title}`, `LOCATION:${place}`, `DESCRIPTION:${text}`];
  const uid = `person-${number}@example.org`;
  if (kind !== 'series') return object(uid, [...lines, ...at(kind === 'all-day' ? day : `${day}T090000`), ...BAGGAGE]);
  const [second, third] = [shifted(day, 1), shifted(day, 2)];
  return object(
    uid,
    [...lines, ...at(`${day}T090000`), 'RRULE:FREQ=DAILY;COUNT=6', `EXDATE;TZID=Europe/Berlin:${third}T090000`],
    [
      [
        `RECURRENCE-ID;TZID=Europe/Berlin:${second}T090000`,
        `SUMMARY:${other}`,
        `LOCATION:${place}`,
        `DESCRIPTION:${text}`,
        ...at(`${second}T140000`),
      ],
    ],
  );
}

const IN_CLOUD: Readonly<Record<Field, 'title' | 'location' | 'description'>> = {
  title: 'title',
  other: 'title',
  place: 'location',
  text: 'description',
};

/** The fake runs in this process, so reading and writing happen in one step: no race can be lost. */
export function cloudActor(owner: CloudPerson): Actor {
  const shown = (id: string) =>
    wordsIn(JSON.stringify(owner.family(id).map(({ title, location, description }) => [title, location, description])));
  return {
    list: async () => owner.list().map(({ id }) => id),
    open: async (id) =>
      owner.family(id).length === 0
        ? null
        : {
            words: shown(id),
            async replace(word, by) {
              const field = IN_CLOUD[word.slice(0, word.indexOf('-')) as Field];
              const holder = owner.family(id).find((one) => one[field].includes(word));
              if (holder !== undefined) owner.edit(holder.id, { [field]: holder[field].replaceAll(word, by) });
              return holder !== undefined;
            },
            async remove() {
              const words = shown(id);
              if (words.size > 0) owner.remove(id);
              return words.size > 0 ? words : null;
            },
          },
    async create(number, kind, { title = '', place = '', text = '', other = '' }) {
      const [day, next] = [dashed(dayOf(number)), dashed(shifted(dayOf(number), 1))];
      const when = kind === 'all-day' ? ({ allDay: true, start: day, end: next } as const) : hourAt(day);
      const id = owner.insert({
        title,
        location: place,
        description: text,
        when,
        ...(kind === 'series' ? { rule: 'RRULE:FREQ=DAILY;COUNT=6' } : {}),
      });
      if (kind === 'series')
        owner.editOccurrence(id, occurrenceId(`${next}T09:00:00`, 'Europe/Berlin'), { title: other });
    },
  };
}

function dashed(day: string): string {
  return day.replace(/^(....)(..)/, '$1-$2-');
}

/** Spread over two years; none falls into the night of a clock change. */
function dayOf(number: number): string {
  return shifted('20270105', randomFrom(number)(700));
}

function shifted(day: string, days: number): string {
  const time = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6)) + days);
  return new Date(time).toISOString().slice(0, 10).replaceAll('-', '');
}
