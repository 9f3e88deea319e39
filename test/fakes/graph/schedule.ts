/** `getSchedule`: who is free, in letters. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { listCalendars } from './calendars.ts';
import type { Fields } from './event-fields.ts';
import { readMoment } from './event-fields.ts';
import { accessDenied, invalidBody, invalidRequest } from './graph-error.ts';
import { rowsIn } from './listing.ts';
import type { Prefer } from './prefer.ts';
import { keysOf } from './recurrence.ts';
import { showMoment } from './render.ts';
import type { Actor, Mailbox, World } from './world.ts';
import { instant } from './zones.ts';

const LETTERS: Readonly<Record<string, string>> = {
  free: '0',
  workingElsewhere: '0',
  tentative: '1',
  busy: '2',
  oof: '3',
  unknown: '0',
};
const MOST_ITEMS = 1000;

/** @throws GraphError 400; 403 for personal accounts */
export function getSchedule(world: World, actor: Actor, body: unknown, prefer: Prefer): Json {
  if (actor.mailbox.consumer) throw accessDenied();
  if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
  const {
    schedules,
    startTime,
    endTime,
    availabilityViewInterval = 30,
  } = keysOf(body, ['schedules', 'startTime', 'endTime', 'availabilityViewInterval']);
  if (!Array.isArray(schedules) || schedules.length === 0) throw invalidRequest('Schedules are missing.');
  const [fromMs, toMs] = [startTime, endTime].map((time) => instant(readMoment(time, world.behaviour))) as [
    number,
    number,
  ];
  const minutes = Number(availabilityViewInterval);
  if (!Number.isInteger(minutes) || minutes < 5 || minutes > 1440 || toMs - fromMs < minutes * 60_000)
    throw invalidRequest('The interval is invalid.', 'ErrorInvalidArgument');
  return {
    value: schedules.map((id: unknown) =>
      showOne(world, String(id), { fromMs, toMs, stepMs: minutes * 60_000, prefer }),
    ),
  };
}

function showOne(
  world: World,
  id: string,
  { fromMs, toMs, stepMs, prefer }: { fromMs: number; toMs: number; stepMs: number; prefer: Prefer },
): Json {
  const mailbox = [...world.mailboxes.values()].find(({ email }) => email.toLowerCase() === id.toLowerCase());
  if (mailbox === undefined)
    return {
      scheduleId: id,
      availabilityView: '',
      error: { message: 'Unable to resolve the address.', responseCode: 'ErrorMailRecipientNotFound' },
      scheduleItems: [],
    };
  const found = fieldsIn(mailbox, fromMs, toMs);
  if (found.length > MOST_ITEMS) return { scheduleId: id, error: { message: 'Too many items.', responseCode: '5006' } };
  let availabilityView = '';
  for (let at = fromMs; at < toMs; at += stepMs) {
    const letters = found
      .filter(({ start, end }) => instant(start) < at + stepMs && instant(end) > at)
      .map(({ showAs }) => LETTERS[showAs]!);
    availabilityView += letters.sort().at(-1) ?? '0';
  }
  return {
    scheduleId: id,
    availabilityView,
    scheduleItems: found.map((fields) => ({
      status: fields.showAs,
      start: showMoment(fields.start, fields, prefer.zone),
      end: showMoment(fields.end, fields, prefer.zone),
      isPrivate: fields.sensitivity !== 'normal',
      ...(fields.sensitivity === 'normal' ? { subject: fields.subject } : {}),
    })),
    workingHours: {},
  };
}

function fieldsIn(mailbox: Mailbox, fromMs: number, toMs: number): Fields[] {
  return listCalendars(mailbox)
    .filter(({ isDefault }) => isDefault)
    .flatMap(({ calendar }) => [...calendar.items].filter(({ deleted }) => !deleted))
    .flatMap((item) => rowsIn(item, fromMs, toMs))
    .map(({ fields }) => fields)
    .sort((a, b) => instant(a.start) - instant(b.start));
}
