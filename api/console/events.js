/** The events of a pair: each with its state and the reason for it, and those that can be brought back. */
import { get } from './api.js';
import { button, h, plain, table, theirs } from './dom.js';
import { when } from './labels.js';
import { ACTIONS, EVENT_STATES } from './messages.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { keptSection, undoAt, undoText } from './undo.js';
import { startOf } from './values.js';

const PAGE = 50;
/** A search may answer pages with few events: so many are asked for at once. */
const PAGES_OF_SEARCH = 5;

export function eventsPage(id, { confirm, notify, redraw, go }, { search }) {
  const state = search.get('state');
  const query = search.get('query') ?? '';
  let data = null;
  let events = [];
  let cursor = null;
  let most = PAGE;
  let outcome = null;

  async function load(signal) {
    data = await loadPair(id, signal);
    const found = [];
    let next = null;
    for (let page = 0; page < PAGES_OF_SEARCH && found.length < most; page++) {
      const answer = await get(
        `${pairPath(id)}/events?${parameters({ query, state, cursor: next, limit: most })}`,
        signal,
      );
      found.push(...answer.items);
      next = answer.nextCursor;
      if (next === null) break;
    }
    [events, cursor] = [found, next];
  }

  return {
    title: 'Events',
    isLive: query === '',
    load,
    render() {
      const { sides } = surroundings(data.pair, data);
      const at = (value) => `#/pairs/${id}/events${hashQuery({ query, state: value })}`;
      return [
        ...pairHead(data, 'Events'),
        searchForm(query),
        h(
          'nav',
          { class: 'chips', 'aria-label': 'Show only' },
          ...[[null, 'All'], ...Object.entries(EVENT_STATES)].map(([value, name]) =>
            h('a', { href: at(value), 'aria-current': value === state ? 'true' : false }, name),
          ),
        ),
        keptSection(outcome, sides),
        events.length === 0
          ? h('p', { class: 'empty' }, nothing(query, state, cursor))
          : h(
              'section',
              { 'data-key': 'events' },
              h('h2', {}, state === null ? 'By their start' : EVENT_STATES[state]),
              table(
                state === 'deleted' ? 'Each can be brought back' : 'Open an event to see what was done to it',
                ['Event', 'Start', 'State', 'Why', 'Last change', ...(state === 'deleted' ? ['Bring back'] : [])],
                events.map((event) => row(event, id, sides, state)),
              ),
            ),
        cursor === null ? null : button(query === '' ? 'Show more' : 'Search further', 'more', { 'data-key': 'more' }),
      ].filter((part) => part !== null);
    },
    actions: {
      find(element) {
        go(`#/pairs/${id}/events${hashQuery({ query: element.elements.query.value.trim(), state })}`);
      },
      async more() {
        most += PAGE * 2;
        await load();
        redraw();
      },
      async bringBack(element) {
        const event = events.find((one) => one.id === element.dataset.id);
        const { sides } = surroundings(data.pair, data);
        const { history } = await get(`${pairPath(id)}/events/${event.id}`);
        const change = history.find(({ action }) => action === 'delete');
        const isSure =
          change !== undefined &&
          (await confirm({
            title: `Bring back ${nameOf(event)}?`,
            yes: 'Bring it back',
            text: `It is written to ${sides[change.side]} again, with everything it had, and the next sync copies it.`,
          }));
        if (!isSure) {
          if (change === undefined)
            notify('This deletion was not made by the pair, so it cannot be brought back here.');
          return;
        }
        outcome = await undoAt(`${pairPath(id)}/events/${event.id}/undo`, { changeId: change.id }, data.pair);
        notify(undoText(outcome, data.pair));
        await load();
        redraw();
      },
    },
  };
}

const nameOf = (event) => plain(event.title || 'the event without a title', 80);

function searchForm(query) {
  return h(
    'form',
    { 'data-submit': 'find', class: 'search', role: 'search', novalidate: true, 'data-key': 'search' },
    h('label', { for: 'query' }, 'Title contains'),
    h('input', { id: 'query', name: 'query', type: 'search', value: query, maxlength: 200, autocomplete: 'off' }),
    h('button', { type: 'submit' }, 'Search'),
  );
}

function row(event, pairId, sides, state) {
  const { lastChange } = event;
  return {
    key: event.id,
    cells: [
      h('a', { href: `#/pairs/${pairId}/events/${event.id}` }, theirs(event.title)),
      startOf(event.start),
      h('span', { class: `badge event-${event.state}` }, EVENT_STATES[event.state] ?? event.state),
      // On a phone, what is as it should be needs no words.
      h('span', { class: event.state === 'synced' ? 'dash' : '' }, theirs(event.reason.sentence)),
      lastChange === null
        ? h('span', { class: 'none dash' }, '–')
        : [`${ACTIONS[lastChange.action]} on ${sides[lastChange.side]} `, when(lastChange.at)],
      ...(state === 'deleted'
        ? [button('Bring back …', 'bringBack', { 'data-id': event.id, 'aria-label': `Bring back ${nameOf(event)}` })]
        : []),
    ],
  };
}

function nothing(query, state, cursor) {
  if (query !== '') return cursor === null ? 'No event has a title like this.' : 'None found so far. Search further.';
  if (state === 'deleted') return 'Nothing was deleted that could be brought back.';
  return state === null ? 'The pair has no events yet.' : 'No event is in this state.';
}

function parameters({ query, state, cursor, limit }) {
  return new URLSearchParams({
    limit: Math.min(1000, limit),
    ...(query === '' ? {} : { query }),
    ...(state === null ? {} : { state }),
    ...(cursor === null ? {} : { cursor }),
  });
}

function hashQuery({ query, state }) {
  const text = new URLSearchParams({
    ...(state === null ? {} : { state }),
    ...(query === '' ? {} : { query }),
  }).toString();
  return text === '' ? '' : `?${text}`;
}
