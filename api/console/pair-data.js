/** A pair with its connection and accounts, for the pages about it. */
import { all, get } from './api.js';
import { backLink, h, theirs } from './dom.js';
import { ARROW } from './labels.js';
import { byId, surroundings } from './overview.js';
import { WORDS } from './texts/shell.js';

export const pairPath = (id) => `/v1/pairs/${encodeURIComponent(id)}`;

export async function loadPair(id, signal) {
  const [pair, accounts, connections] = await Promise.all([
    get(pairPath(id), signal),
    all('/v1/accounts', signal),
    all('/v1/connections', signal),
  ]);
  return { pair, accounts: byId(accounts), connections: byId(connections) };
}

/** The top of a page about a part of a pair: the way back, which pair it is, and the page's heading. */
export function pairHead(data, title) {
  const { pair } = data;
  const { names } = surroundings(pair, data);
  return [
    backLink(
      `#/pairs/${pair.id}`,
      theirs(names.caldav),
      h('span', { 'aria-hidden': 'true' }, ` ${ARROW[pair.direction]} `),
      h('span', { class: 'gone' }, WORDS.and),
      theirs(names.cloud),
    ),
    h('h1', {}, title),
  ];
}
