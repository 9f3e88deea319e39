/** Taking changes back, and what came of it. */
import { call } from './api.js';
import { h, table } from './dom.js';
import { count, keptReason } from './labels.js';
import { fieldTitle } from './values.js';

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
  if (answer === null)
    return pair.status === 'paused'
      ? 'Noted. It is carried out as soon as the pair is resumed.'
      : 'Noted. A run carries it out now; this page then shows it.';
  const done = answer.removed ?? answer.undone.length;
  const what = answer.removed === undefined ? count(done, 'change') : count(done, 'copy', 'copies');
  const verb = answer.removed === undefined ? 'taken back' : 'removed';
  const kept = answer.kept.length;
  if (done === 0 && kept === 0) return 'There was nothing to take back.';
  return `${done === 0 ? 'Nothing was' : `${what} ${done === 1 ? 'was' : 'were'}`} ${verb}.${
    kept === 0
      ? ''
      : ` ${count(kept, 'one', 'ones').replace('1 one', 'One')} stayed as ${kept === 1 ? 'it is' : 'they are'}.`
  }`;
}

/** What an undo left as it is, with the reasons; null where there is nothing to say. */
export function keptSection(answer, sides) {
  if (answer === null || answer.kept.length === 0) return null;
  const rows = answer.kept.map((one, n) => ({
    key: `${n}`,
    cells: [one.title ?? fieldTitle(one.field ?? 'event'), one.side ? sides[one.side] : '', keptReason(one.reason)],
  }));
  return h(
    'section',
    { 'data-key': 'kept' },
    h('h2', {}, 'Left as it is'),
    table('What could not be taken back, and why', ['What', 'Where', 'Why'], rows),
  );
}
