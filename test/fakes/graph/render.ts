/** An event as the API returns it. */

import type { Json } from '../json.ts';
import { parseDate } from '../time.ts';
import type { Fields } from './event-fields.ts';
import { showAttendee, showLocation } from './event-parts.ts';
import { showExtended } from './extended-properties.ts';
import { invalidQuery } from './graph-error.ts';
import { textOfHtml } from './html.ts';
import { masterId, occurrenceICalUid, occurrenceId } from './ids.ts';
import { type OData, splitOutside } from './odata.ts';
import type { Prefer } from './prefer.ts';
import { showRecurrence } from './recurrence.ts';
import type { Row } from './rows.ts';
import { exceptionRows, rowType } from './rows.ts';
import type { Actor, Item, World } from './world.ts';
import type { Moment, Zone } from './zones.ts';
import { instant, inZone } from './zones.ts';

export interface View {
  readonly world: World;
  readonly mailbox: Actor['mailbox'];
  readonly prefer: Prefer;
  readonly query?: Pick<OData, 'select' | 'expand'>;
  /** Rows of calendarView and delta have etags of another form. */
  readonly inView?: boolean;
  /** `cancelledOccurrences` and `exceptionOccurrences` are only for the GET of one master: its address. */
  readonly ofMaster?: URL | undefined;
}

const WEB_LINK = 'https://outlook.office365.com/owa/?itemid=';
const NO_TIME = '0001-01-01T00:00:00Z';
/** In the metadata, beside those in every answer. */
const SELECTABLE = [
  'occurrenceId',
  'originalStart',
  'exceptionOccurrences',
  'cancelledOccurrences',
  'transactionId',
  'singleValueExtendedProperties',
];
const EXPANDABLE = ['singleValueExtendedProperties', 'exceptionOccurrences', 'extensions', 'attachments', 'calendar'];

export function etagOf(item: Item, changeKey = item.state.changeKey): string {
  return `W/"${changeKey}"`;
}

export function idOf(
  { item, state, occurrence }: Pick<Row, 'item' | 'state' | 'occurrence'>,
  view: Pick<View, 'prefer' | 'world'>,
): string {
  const { ids } = view.prefer;
  if (occurrence === null) return masterId(item.keys, ids);
  const changed = view.world.behaviour.exceptionIds === 'change' && occurrence.isException;
  return occurrenceId(item.keys, ids, { date: occurrence.date, generation: state.generation, changed });
}

/** @throws GraphError 400 where `$select` or `$expand` names an unknown property */
export function showEvent(plain: Row, view: View): Json {
  const row = masked(plain, view);
  const { item, state, occurrence, fields } = row;
  const rendered: Json = {
    ...showHead(row, view),
    ...showPlain(fields),
    ...showBody(fields, view),
    ...showPeople(row, view),
  };
  if (occurrence !== null)
    Object.assign(rendered, {
      originalStart: stamp(originalOf(row, view)),
      occurrenceId: `OID.${masterId(item.keys, view.prefer.ids)}.${occurrence.date}`,
    });
  rendered['recurrence'] = occurrence === null && state.recurrence !== null ? showRecurrence(state.recurrence) : null;
  if (item.transactionId !== null && occurrence === null) rendered['transactionId'] = item.transactionId;
  return arrange(rendered, row, view);
}

function originalOf({ item, state, occurrence }: Row, { world }: View): number {
  const { date, originalMs } = occurrence!;
  const isOfMailbox = state.fields.isAllDay && world.behaviour.allDayOriginalStart === 'mailbox';
  return isOfMailbox ? instant({ wall: parseDate(date)!, zone: item.calendar.owner.timeZone }) : originalMs;
}

/** Without the owner's leave, private events show only their times. */
function masked(row: Row, { mailbox }: View): Row {
  const { calendar } = row.item;
  const entry = [...mailbox.entries.values()].find((one) => one.calendar === calendar);
  if (row.fields.sensitivity !== 'private' || (entry?.role ?? 'owner') === 'owner') return row;
  return {
    ...row,
    fields: { ...row.fields, subject: 'Private Appointment', html: '', locations: [], attendees: [], categories: [] },
  };
}

/** What delta returns for occurrences, and for a series itself. */
export function showSkeleton(row: Row, view: View): Json {
  const { fields, occurrence, item } = row;
  return {
    '@odata.type': '#microsoft.graph.event',
    '@odata.etag': showEtag(row, view),
    id: idOf(row, view),
    ...(occurrence === null ? {} : { seriesMasterId: masterId(item.keys, view.prefer.ids) }),
    type: rowType(row),
    start: showMoment(fields.start, fields, view.prefer.zone),
    end: showMoment(fields.end, fields, view.prefer.zone),
  };
}

export function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** All-day events have the same dates in every zone. */
export function showMoment(moment: Moment, { isAllDay }: Pick<Fields, 'isAllDay'>, zone: Zone | null): Json {
  const wanted = zone ?? moment.zone;
  const wall = isAllDay ? moment.wall : inZone(instant(moment), wanted).wall;
  return { dateTime: `${new Date(wall).toISOString().slice(0, 19)}.0000000`, timeZone: wanted.name };
}

function showEtag({ item, state }: Row, { world, inView = false }: View): string {
  const changeKey =
    inView && world.behaviour.foreignEtags ? `DwAAABYAAAC${state.changeKey.replaceAll(/[/=]/g, '')}` : state.changeKey;
  return etagOf(item, changeKey);
}

function showHead(row: Row, view: View): Json {
  const { item, state, occurrence, fields } = row;
  const { zone } = view.prefer;
  return {
    '@odata.etag': showEtag(row, view),
    id: idOf(row, view),
    createdDateTime: `${new Date(item.createdMs).toISOString().slice(0, -1)}0000Z`,
    lastModifiedDateTime: `${new Date(state.updatedMs).toISOString().slice(0, -1)}0000Z`,
    changeKey: state.changeKey,
    originalStartTimeZone: fields.start.zone.name,
    originalEndTimeZone: fields.end.zone.name,
    iCalUId: occurrence === null ? item.iCalUId : occurrenceICalUid(item.iCalUId, occurrence.date),
    type: rowType(row),
    seriesMasterId: occurrence === null ? null : masterId(item.keys, view.prefer.ids),
    start: showMoment(fields.start, fields, zone),
    end: showMoment(fields.end, fields, zone),
    webLink: `${WEB_LINK}${encodeURIComponent(idOf(row, view))}&exvsurl=1&path=/calendar/item`,
    hasAttachments: false,
    isDraft: false,
  };
}

function showPlain(fields: Fields): Json {
  const {
    subject,
    categories,
    importance,
    sensitivity,
    showAs,
    isReminderOn,
    reminderMinutesBeforeStart,
    isAllDay,
    isCancelled,
    responseRequested,
    allowNewTimeProposals,
    hideAttendees,
    joinUrl,
    locations,
  } = fields;
  return {
    subject,
    categories,
    importance,
    sensitivity,
    showAs,
    isReminderOn,
    reminderMinutesBeforeStart,
    isAllDay,
    isCancelled,
    responseRequested,
    allowNewTimeProposals,
    hideAttendees,
    location: showLocation(locations),
    locations,
    isOnlineMeeting: joinUrl !== null,
    onlineMeetingProvider: joinUrl === null ? 'unknown' : 'teamsForBusiness',
    onlineMeetingUrl: null,
    onlineMeeting: joinUrl === null ? null : { joinUrl },
  };
}

function showBody({ html }: Fields, { prefer }: View): Json {
  const text = textOfHtml(html);
  return {
    body: { contentType: prefer.body, content: prefer.body === 'text' ? text : html },
    bodyPreview: text.slice(0, 255).trim(),
  };
}

function showPeople({ item, fields }: Row, { mailbox }: View): Json {
  const isOrganizer = item.organizer.address.toLowerCase() === mailbox.email.toLowerCase();
  const response = fields.attendees.length === 0 ? 'none' : isOrganizer ? 'organizer' : fields.response;
  return {
    isOrganizer,
    organizer: { emailAddress: item.organizer },
    responseStatus: { response, time: NO_TIME },
    attendees: fields.attendees.map(showAttendee),
  };
}

/** `$select` and `$expand`: ids and etags are always there. */
function arrange(rendered: Json, row: Row, view: View): Json {
  const { select = null, expand = [] } = view.query ?? {};
  for (const name of select ?? []) {
    const isRefused = name === 'occurrenceId' && view.world.behaviour.occurrenceNames === 'refused';
    if (isRefused || (!(name in rendered) && !SELECTABLE.includes(name)))
      throw invalidQuery(`Could not find a property named '${name.slice(0, 60)}' on type 'microsoft.graph.event'.`);
  }
  const result: Json =
    select === null
      ? { ...rendered }
      : Object.fromEntries(
          Object.entries(rendered).filter(([key]) => key === 'id' || key === '@odata.etag' || select.includes(key)),
        );
  for (const { name, ids } of expand) {
    if (!EXPANDABLE.includes(name))
      throw invalidQuery(`Could not find a property named '${name.slice(0, 60)}' on type 'microsoft.graph.event'.`);
    if (name === 'singleValueExtendedProperties') {
      const properties = showExtended(row.fields.extended, ids);
      if (properties.length > 0) result[name] = properties;
    } else if (name === 'extensions' || name === 'attachments') result[name] = [];
  }
  if (view.ofMaster !== undefined) Object.assign(result, showLists(row, view, view.ofMaster));
  return result;
}

function showLists(row: Row, view: View, url: URL): Json {
  const { select = null, expand = [] } = view.query ?? {};
  const how = view.world.behaviour.exceptionLists;
  const isSelected = (name: string): boolean => select?.includes(name) === true;
  const wantsExceptions =
    isSelected('exceptionOccurrences') && expand.some(({ name }) => name === 'exceptionOccurrences');
  const wantsCancelled = isSelected('cancelledOccurrences');
  if (how === 'refused' && (wantsCancelled || expand.some(({ name }) => name === 'exceptionOccurrences')))
    throw invalidQuery('Could not find a property named on type microsoft.graph.event.');
  if (how === 'absent' || rowType(row) !== 'seriesMaster') return {};
  const { item, state } = row;
  const nested: View = {
    ...view,
    ofMaster: undefined,
    query: { select, expand: expand.filter(({ name }) => name === 'singleValueExtendedProperties') },
  };
  const most = view.world.behaviour.exceptionPage;
  const rows = how === 'noExceptions' ? [] : exceptionRows(item, state);
  return {
    ...(wantsCancelled
      ? {
          cancelledOccurrences: [...state.cancelled]
            .sort()
            .map((date) => `OID.${masterId(item.keys, view.prefer.ids)}.${date}`),
        }
      : {}),
    ...(wantsExceptions ? { exceptionOccurrences: rows.slice(0, most).map((one) => showEvent(one, nested)) } : {}),
    ...(wantsExceptions && rows.length > most ? { 'exceptionOccurrences@odata.nextLink': restOf(url, most) } : {}),
  };
}

function restOf(master: URL, skip: number): string {
  const url = new URL(master);
  const { searchParams } = url;
  url.pathname += '/exceptionOccurrences';
  searchParams.set(
    '$select',
    (searchParams.get('$select') ?? '')
      .split(',')
      .filter((name) => !/Occurrences$/.test(name))
      .join(','),
  );
  const expand = splitOutside(searchParams.get('$expand') ?? '', ',').filter((part) =>
    part.startsWith('singleValueExtendedProperties'),
  );
  searchParams.delete('$expand');
  if (expand.length > 0) searchParams.set('$expand', expand.join(','));
  searchParams.set('$skip', String(skip));
  return url.href;
}
