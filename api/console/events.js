/** The events of a pair: each with its state and the reason for it, and those that can be brought back. */
import { get, inWords, list } from './api.js';
import { button, dash, h, nameIn, table, theirs } from './dom.js';
import { searchForm } from './form.js';
import { badge, when } from './labels.js';
import { chips, MORE, surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { ACTIONS, EVENT_STATES, EVENTS } from './texts/events.js';
import { WORDS } from './texts/shell.js';
import { keptSection, undoAt, undoText } from './undo.js';
import { startOf } from './values.js';

const PAGE = 50;
/** A search may answer with few events: it is asked so often at once. */
const ANSWERS_OF_SEARCH = 5;

export function eventsPage(id, { confirm, notify, announce, redraw, go }, { search }) {
  const state = search.get('state');
  const query = search.get('query') ?? '';
  let data = null;
  let events = [];
  let cursor = null;
  let most = PAGE;
  let outcome = null;

  async function load(signal) {
    const path = `${pairPath(id)}/events${parameters({ query, state })}`;
    [data, { items: events, nextCursor: cursor }] = await Promise.all([
      loadPair(id, signal),
      list(path, most, signal, query === '' ? undefined : ANSWERS_OF_SEARCH),
    ]);
    if (query !== '') announce(outcomeOfSearch());
  }

  const outcomeOfSearch = () =>
    events.length === 0 ? nothing(query, state, cursor) : EVENTS.found(events.length, cursor === null);

  return {
    title: EVENTS.title,
    // A long list takes too long to be drawn again and again.
    get isLive() {
      return query === '' && events.length <= 500;
    },
    showsNames: true,
    load,
    render() {
      const { sides } = surroundings(data.pair, data);
      const at = (value) => `#/pairs/${id}/events${parameters({ query, state: value })}`;
      return [
        ...pairHead(data, EVENTS.title),
        searchForm(EVENTS.search, query),
        chips(EVENT_STATES, state, at),
        keptSection(outcome, sides, id),
        query === '' || events.length === 0 ? null : h('p', { class: 'sub' }, outcomeOfSearch()),
        events.length === 0
          ? h('p', { class: 'empty' }, nothing(query, state, cursor))
          : h(
              'section',
              { 'data-key': 'events' },
              h('h2', {}, state === null ? EVENTS.all : EVENT_STATES[state]),
              table(
                state === 'deleted' ? EVENTS.deletedCaption : EVENTS.caption,
                EVENTS.columns,
                events.map((event) => row(event, id, sides, state)),
              ),
            ),
        cursor === null
          ? null
          : button(query === '' ? WORDS.showMore : EVENTS.searchFurther, 'more', { 'data-key': 'more' }),
      ].filter((part) => part !== null);
    },
    actions: {
      find(element) {
        go(`#/pairs/${id}/events${parameters({ query: element.elements.query.value.trim(), state })}`);
      },
      async more() {
        most *= MORE;
        await load();
        redraw();
      },
      async bringBack(element) {
        const event = events.find((one) => one.id === element.dataset.id);
        const { sides } = surroundings(data.pair, data);
        const { history } = await get(`${pairPath(id)}/events/${event.id}`);
        const change = history.find(({ action }) => action === 'delete');
        const isSure = change !== undefined && (await confirm(EVENTS.bringingBack(nameOf(event), sides[change.side])));
        if (!isSure) {
          if (change === undefined) notify(EVENTS.notOurs);
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

const nameOf = (event) => nameIn(event.title, EVENTS.untitled);

function row(event, pairId, sides, state) {
  const { lastChange } = event;
  return {
    key: event.id,
    cells: [
      h('a', { href: `#/pairs/${pairId}/events/${event.id}` }, theirs(event.title)),
      startOf(event.start),
      badge(`event-${event.state}`, EVENT_STATES[event.state] ?? event.state),
      // On a phone, what is as it should be needs no words.
      h('span', { class: event.state === 'synced' ? 'none dash' : '' }, theirs(inWords(event.reason.sentence))),
      lastChange === null
        ? dash()
        : EVENTS.lastChange(ACTIONS[lastChange.action](sides[lastChange.side]), when(lastChange.at)),
      ...(state === 'deleted'
        ? [
            button(EVENTS.bringBack, 'bringBack', {
              'data-id': event.id,
              'aria-label': EVENTS.bringBackLabel(nameOf(event)),
            }),
          ]
        : []),
    ],
  };
}

function nothing(query, state, cursor) {
  if (query !== '') return cursor === null ? EVENTS.noMatch : EVENTS.noMatchYet;
  if (state === 'deleted') return EVENTS.nothingDeleted;
  return state === null ? EVENTS.none : EVENTS.noneOfState;
}

function parameters({ query, state }) {
  const text = new URLSearchParams({
    ...(state === null ? {} : { state }),
    ...(query === '' ? {} : { query }),
  }).toString();
  return text === '' ? '' : `?${text}`;
}
