/** REPORT: changes, objects by name, and queries. */
import ICAL from 'ical.js';
import type { StoredObject } from './account.ts';
import {
  type AccountRequest,
  absent,
  type DavAnswer,
  decoded,
  failure,
  locate,
  multistatus,
  NO_SUCH_REPORT,
  type Properties,
  pathOf,
  resource,
  VALID_SYNC_TOKEN,
} from './answer.ts';
import { unfold } from './objects.ts';
import { calendarProps, objectProps } from './propfind.ts';
import { CALDAV, childOf, DAV, element, escaped, parseXml, type XmlElement } from './xml.ts';

export function report(request: AccountRequest): DavAnswer {
  const found = locate(request);
  if (found === null || found.name !== '') return { status: 404 };
  const xml = parseXml(request.body);
  if (xml === null) return { status: 400 };
  const { calendar } = found;
  const wanted = childOf(xml, 'prop')?.children ?? [];
  const member = (name: string, object: StoredObject): string =>
    resource(request, pathOf(request, calendar, name), wanted, withData(object));

  switch (`${xml.namespace} ${xml.name}`) {
    case `${DAV} sync-collection`: {
      if (request.behaviour.changes !== 'sync') return failure(403, DAV, 'supported-report');
      if (childOf(xml, 'sync-level')?.text.trim() !== '1' || (request.headers['depth'] ?? '0') !== '0')
        return { status: 400 };
      const { content } = calendar;
      const token = childOf(xml, 'sync-token')?.text.trim() ?? '';
      const position = token === '' ? 0 : content.positionOf(token);
      if (position === null) return VALID_SYNC_TOKEN;
      const changed = token === '' ? content.objects.keys() : new Set(content.history.slice(position));
      const lines = [...changed].map((name) => {
        const object = content.objects.get(name);
        return object === undefined ? absent(request, pathOf(request, calendar, name)) : member(name, object);
      });
      // The collection is listed with its members, and a limit is ignored (measured).
      return multistatus(
        [resource(request, request.path, wanted, calendarProps(request, calendar)), ...lines],
        content.token,
      );
    }
    case `${CALDAV} calendar-multiget`:
      return multistatus(
        xml.children
          .filter(({ name }) => name === 'href')
          .map(({ text }) => {
            const path = new URL(text.trim(), 'https://any.host').pathname;
            const name = decoded(path.split('/').at(-1) ?? '');
            const object =
              path === pathOf(request, calendar, name) || decoded(path) === decoded(pathOf(request, calendar, name))
                ? calendar.content.objects.get(name)
                : undefined;
            return object === undefined || object.isGhost === true ? absent(request, path) : member(name, object);
          }),
      );
    case `${CALDAV} calendar-query`: {
      // Without both filters nothing is found (issue lfos/calcurse#30).
      const event = filterOf(filterOf(childOf(xml, 'filter'), 'VCALENDAR'), calendar.component);
      if (event === undefined) return multistatus([]);
      return multistatus(
        [...calendar.content.objects]
          .filter(([, object]) => object.isGhost !== true && fits(object, event))
          .map(([name, object]) => member(name, object)),
      );
    }
    case `${CALDAV} free-busy-query`:
      return { status: 400 };
    default:
      return NO_SUCH_REPORT;
  }
}

function withData(object: StoredObject): Properties {
  return objectProps(object).set(`${CALDAV} calendar-data`, element(CALDAV, 'calendar-data', escaped(object.data)));
}

function filterOf(filter: XmlElement | undefined, name: string): XmlElement | undefined {
  return filter?.children.find((one) => one.name === 'comp-filter' && one.attributes['name'] === name);
}

function fits({ data }: StoredObject, filter: XmlElement): boolean {
  return filter.children.every((one) => {
    if (one.name === 'time-range') return isWithin(data, one.attributes['start'], one.attributes['end']);
    const match = childOf(one, 'text-match');
    if (one.name !== 'prop-filter' || match === undefined) return true;
    return unfold(data)
      .split(/\r?\n/)
      .some((line) => new RegExp(`^${one.attributes['name'] ?? ''}[;:]`, 'i').test(line) && line.includes(match.text));
  });
}

const FAR = 2 * 366 * 86_400;

/** Whether any occurrence overlaps, moved ones included; within two years. */
function isWithin(data: string, start: string | undefined, end: string | undefined): boolean {
  const seconds = (text: string | undefined, otherwise: number): number =>
    text === undefined
      ? otherwise
      : ICAL.Time.fromDateTimeString(
          text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
        ).toUnixTime();
  const [from, to] = [seconds(start, -Infinity), seconds(end, Infinity)];
  const vevents = new ICAL.Component(
    ICAL.parse(data) as unknown[] as ConstructorParameters<typeof ICAL.Component>[0],
  ).getAllSubcomponents('vevent');
  const overlaps = (begin: ICAL.Time, stop: ICAL.Time): boolean =>
    begin.toUnixTime() < to && (stop.toUnixTime() > from || begin.toUnixTime() >= from);
  return vevents.some((vevent) => {
    const event = new ICAL.Event(vevent);
    if (overlaps(event.startDate, event.endDate)) return true;
    if (!event.isRecurring()) return false;
    const length = event.endDate.toUnixTime() - event.startDate.toUnixTime();
    const iterator = event.iterator();
    for (
      let next = iterator.next();
      next !== null &&
      next !== undefined &&
      next.toUnixTime() < Math.min(to, Math.max(from, event.startDate.toUnixTime()) + FAR);
      next = iterator.next()
    ) {
      if (next.toUnixTime() + length > from) return true;
    }
    return false;
  });
}
