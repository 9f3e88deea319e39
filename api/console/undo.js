/** Taking changes back, and what came of it. */
import { call } from './api.js';
import { dash, h, table, theirs } from './dom.js';
import { keptReason } from './labels.js';
import { UNDO } from './texts/events.js';
import { fieldTitle, startOf } from './values.js';

const WAIT_SECONDS = 60;

/**
 * Requests an undo and waits for the run that carries it out. Null: it is carried out later, after the pair has been
 * resumed, or because the calendars are slow.
 */
export async function undoAt(path, body, pair) {
  const answer = await call('POST', `${path}?wait=${pair.status === 'paused' ? 0 : WAIT_SECONDS}`, body);
  return answer.undone === undefined && answer.removed === undefined ? null : answer;
}

/** What came of an undo, in a sentence. */
export function undoText(answer, pair) {
  if (answer === null) return pair.status === 'paused' ? UNDO.whenResumed : UNDO.soon;
  const kept = answer.kept.length;
  const done = answer.removed ?? answer.undone.length;
  if (done === 0 && kept === 0) return UNDO.nothing;
  return (answer.removed === undefined ? UNDO.changes : UNDO.copies)(done, kept);
}

/** What an undo left as it is, with the reasons; null where there is nothing to say. */
export function keptSection(answer, sides, pairId) {
  if (answer === null || answer.kept.length === 0) return null;
  const rows = answer.kept.map((one, n) => ({
    key: `${n}`,
    cells: [
      eventOf(one, pairId),
      one.field === undefined ? dash() : fieldTitle(one.field),
      one.side === undefined ? dash() : sides[one.side],
      keptReason(one.reason),
    ],
  }));
  return h(
    'section',
    { 'data-key': 'kept' },
    h('h2', {}, UNDO.keptHeading),
    table(UNDO.keptCaption, UNDO.keptColumns, rows),
  );
}

/** A link, unless nothing is known of the event any more. */
function eventOf({ eventId, title, start }, pairId) {
  if (eventId === null) return h('span', { class: 'none' }, UNDO.unknownEvent);
  return [
    h('a', { href: `#/pairs/${pairId}/events/${eventId}` }, theirs(title)),
    start ? h('p', { class: 'sub' }, startOf(start)) : null,
  ];
}
