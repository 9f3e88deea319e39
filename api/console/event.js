/** One event of a pair: why it is where it is, everything that the pair did to it, and taking that back. */
import { call, get, inWords } from './api.js';
import { button, h, nameIn, table, theirs } from './dom.js';
import { badge, when } from './labels.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { ACTIONS, EVENT, EVENT_STATES } from './texts/events.js';
import { keptSection, undoAt, undoText } from './undo.js';
import { fieldTitle, instantText, startOf, valueOf } from './values.js';

export function eventPage(id, { confirm, notify }, { other }) {
  const path = `${pairPath(id)}/events/${encodeURIComponent(other)}`;
  let data = null;
  let event = null;
  let outcome = null;
  return {
    title: EVENT.title,
    isLive: true,
    async load(signal) {
      [data, event] = await Promise.all([loadPair(id, signal), get(path, signal)]);
    },
    render() {
      const { sides } = surroundings(data.pair, data);
      return [
        ...pairHead(data, theirs(event.title)),
        h('p', { class: 'sub' }, startOf(event.start)),
        h(
          'div',
          { class: 'status' },
          h('p', {}, badge(`event-${event.state}`, EVENT_STATES[event.state] ?? event.state)),
          h('p', {}, theirs(inWords(event.reason.sentence))),
        ),
        h(
          'p',
          { class: 'buttons' },
          event.state === 'excluded'
            ? button(EVENT.include, 'include', { class: 'main', 'data-key': 'include' })
            : null,
          h('a', { class: 'button', href: `#/pairs/${id}/events` }, EVENT.allEvents),
        ),
        keptSection(outcome, sides, id),
        h(
          'section',
          { 'data-key': 'history' },
          h('h2', {}, EVENT.history),
          event.history.length === 0
            ? h('p', { class: 'empty' }, EVENT.noHistory)
            : h('ol', { class: 'history' }, ...event.history.map((change) => changeItem(change, sides, event, id))),
        ),
      ].filter((part) => part !== null);
    },
    actions: {
      async undo(element) {
        const change = event.history.find((one) => one.id === element.dataset.id);
        const { sides } = surroundings(data.pair, data);
        if (!(await confirm(question(change, event, sides)))) return;
        outcome = await undoAt(`${path}/undo`, { changeId: change.id }, data.pair);
        notify(undoText(outcome, data.pair));
      },
      async include() {
        const isPaused = data.pair.status === 'paused';
        await call('POST', `${path}/sync?wait=${isPaused ? 0 : 60}`);
        notify(isPaused ? EVENT.includedWhilePaused : EVENT.included);
      },
    },
  };
}

function changeItem(change, sides, event, pairId) {
  const { id, at, side, action, fields, undoes, runId } = change;
  const isUndone = event.history.some((one) => one.undoes === id);
  const rows = fields.map(({ field, before, after }) => ({
    key: field,
    cells:
      action === 'update'
        ? [fieldTitle(field), valueOf(field, before), valueOf(field, after)]
        : [valueOf(field, action === 'create' ? after : before)],
  }));
  const columns = { create: EVENT.createColumns, update: EVENT.changeColumns, delete: EVENT.deleteColumns }[action];
  const what = ACTIONS[action](sides[side]);
  const title = undoes === null ? what : EVENT.undoOf(what);
  return h(
    'li',
    { 'data-key': id },
    h('h3', {}, title),
    h(
      'p',
      { class: 'sub' },
      ...EVENT.at(
        h('time', { datetime: at }, instantText(at)),
        when(at),
        h('a', { href: `#/pairs/${pairId}/runs/${runId}`, 'aria-label': EVENT.runLabel(instantText(at)) }, EVENT.run),
      ),
    ),
    rows.length === 0
      ? h('p', { class: 'empty' }, EVENT.unreadable)
      : table(EVENT.caption(title, instantText(at)), columns, rows),
    isUndone
      ? h('p', { class: 'sub' }, EVENT.undone)
      : h(
          'p',
          { class: 'buttons' },
          button(EVENT.undo, 'undo', { 'data-id': id, 'aria-label': EVENT.undoLabel(title, instantText(at)) }),
        ),
  );
}

/** What an undo would do, as a question. */
function question({ action, side }, event, sides) {
  const name = nameIn(event.title, EVENT.untitled);
  return { ...EVENT.undoing[action](name, sides[side]), isDangerous: action === 'create' };
}
