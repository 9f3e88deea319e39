/** One event of a pair: why it is where it is, everything that the pair did to it, and taking that back. */
import { call, get } from './api.js';
import { button, h, plain, table, theirs } from './dom.js';
import { when } from './labels.js';
import { ACTIONS, EVENT_STATES } from './messages.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { keptSection, undoAt, undoText } from './undo.js';
import { fieldTitle, instantText, startOf, valueOf } from './values.js';

export function eventPage(id, { confirm, notify }, { other }) {
  const path = `${pairPath(id)}/events/${encodeURIComponent(other)}`;
  let data = null;
  let event = null;
  let outcome = null;
  return {
    title: 'Event',
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
          h('p', {}, h('span', { class: `badge event-${event.state}` }, EVENT_STATES[event.state] ?? event.state)),
          h('p', {}, theirs(event.reason.sentence)),
        ),
        h(
          'p',
          { class: 'buttons' },
          event.state === 'excluded'
            ? button('Sync it again', 'include', { class: 'main', 'data-key': 'include' })
            : null,
          h('a', { class: 'button', href: `#/pairs/${id}/events` }, 'All events'),
        ),
        keptSection(outcome, sides),
        h(
          'section',
          { 'data-key': 'history' },
          h('h2', {}, 'What the pair did'),
          event.history.length === 0
            ? h('p', { class: 'empty' }, 'Nothing yet: the pair has not written this event on either side.')
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
        notify(isPaused ? 'Noted. It is synced as soon as the pair is resumed.' : 'The event is synced again.');
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
  const columns = action === 'update' ? ['Field', 'Before', 'After'] : [action === 'create' ? 'Created as' : 'Deleted'];
  const title = `${undoes === null ? '' : 'Undo: '}${ACTIONS[action]} on ${sides[side]}`;
  return h(
    'li',
    { 'data-key': id },
    h('h3', {}, title.charAt(0).toUpperCase() + title.slice(1)),
    h(
      'p',
      { class: 'sub' },
      h('time', { datetime: at }, instantText(at)),
      ', ',
      when(at),
      ' · ',
      h('a', { href: `#/pairs/${pairId}/runs/${runId}`, 'aria-label': `The run of ${instantText(at)}` }, 'the run'),
    ),
    table(`${title}, ${instantText(at)}`, columns, rows),
    isUndone
      ? h('p', { class: 'sub' }, 'It was taken back since.')
      : h(
          'p',
          { class: 'buttons' },
          button('Undo …', 'undo', { 'data-id': id, 'aria-label': `Undo: ${title}, ${instantText(at)}` }),
        ),
  );
}

/** What an undo would do, as a question. */
function question({ action, side }, event, sides) {
  const name = plain(event.title || 'this event', 80);
  if (action === 'create')
    return {
      title: `Take the copy of ${name} away from ${sides[side]}?`,
      yes: 'Take it away',
      isDangerous: true,
      text: 'The original stays. The event is then no longer synced, until you ask for that here.',
    };
  if (action === 'delete')
    return {
      title: `Bring ${name} back to ${sides[side]}?`,
      yes: 'Bring it back',
      text: 'It comes back with everything it had, and the next sync copies it. Nobody is mailed.',
    };
  return {
    title: `Take this change of ${name} back?`,
    yes: 'Take it back',
    text:
      `The earlier values are written to ${sides[side]}, and cross to the other side like an edit by a person. What ` +
      'has been changed since is left as it is.',
  };
}
