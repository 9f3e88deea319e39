/** Accounts, and the connections between them. */
import { accountStatus, removeAccount } from './account.js';
import { all, call } from './api.js';
import { button, h, plain, theirs } from './dom.js';
import { searchForm } from './form.js';
import { accountName, badge, fullName, serviceAt, when } from './labels.js';
import { byId } from './overview.js';
import { allProviders, serviceOf } from './providers.js';
import { ACCOUNT, ACCOUNTS, CONNECTIONS } from './texts/accounts.js';
import { WORDS } from './texts/shell.js';

/** A list that is longer can be searched. */
const EASY_TO_OVERLOOK = 12;

export function accountsPage(search, { confirm, notify, go }) {
  const query = search.get('query') ?? '';
  let data = null;
  return {
    title: ACCOUNTS.title,
    isLive: true,
    async load(signal) {
      const [accounts, connections] = await Promise.all([all('/v1/accounts', signal), all('/v1/connections', signal)]);
      data = { accounts, connections };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, ACCOUNTS.title),
        ...allProviders().map(({ provider, label, browserSignIn }, at) =>
          h(
            'a',
            { class: at === 0 ? 'button main' : 'button', href: `#/accounts/new/${provider}` },
            browserSignIn ? ACCOUNTS.signInWith(label) : ACCOUNTS.add(label),
          ),
        ),
      ),
      data.accounts.length > EASY_TO_OVERLOOK ? searchForm(ACCOUNTS.search, query) : null,
      accountCards(data, query),
    ],
    actions: {
      find(element) {
        const text = element.elements.query.value.trim();
        go(text === '' ? '#/accounts' : `#/accounts?${new URLSearchParams({ query: text })}`);
      },
      async remove(element) {
        const account = data.accounts.find(({ id }) => id === element.dataset.id);
        if (account) await removeAccount(account, { confirm, notify });
      },
    },
  };
}

/** What needs a person comes first. */
function accountCards({ accounts, connections }, query) {
  if (accounts.length === 0) return h('p', { class: 'empty' }, ACCOUNTS.none);
  const found = accounts.filter((account) => isMatch(account, query));
  if (found.length === 0) return h('p', { class: 'empty' }, ACCOUNTS.noMatch);
  const byNeed = found.toSorted((a, b) => Number(a.status === 'ok') - Number(b.status === 'ok'));
  return h('ul', { class: 'cards' }, ...byNeed.map((account) => accountCard(account, connections)));
}

function isMatch({ label, username, server, externalId }, query) {
  const texts = [label, username, server, externalId].map((text) => (text ?? '').toLowerCase());
  return texts.some((text) => text.includes(query.toLowerCase()));
}

function accountCard(account, connections) {
  const uses = connections.filter(({ caldavAccountId, cloudAccountId }) =>
    [caldavAccountId, cloudAccountId].includes(account.id),
  ).length;
  return h(
    'li',
    { class: 'card', 'data-key': account.id },
    h('h2', {}, h('a', { href: `#/accounts/${account.id}` }, theirs(accountName(account)))),
    h(
      'p',
      { class: 'sub' },
      serviceAt(account),
      account.label === null ? '' : [' · ', theirs(account.username)],
      ' · ',
      uses === 0 ? ACCOUNTS.unused : ACCOUNTS.uses(uses),
      ' · ',
      ACCOUNTS.added,
      when(account.createdAt),
    ),
    accountStatus(account),
    h(
      'p',
      { class: 'buttons' },
      h(
        'a',
        {
          class: account.status === 'ok' ? 'button' : 'button main',
          href: `#/accounts/${account.id}/credentials`,
          'aria-label': ACCOUNT.newCredentialsFor(accountName(account)),
        },
        ACCOUNT.newCredentials,
      ),
      button(WORDS.delete, 'remove', {
        'data-id': account.id,
        class: 'danger',
        'aria-label': ACCOUNT.deleteLabel(accountName(account)),
      }),
    ),
  );
}

export function connectionsPage(_query, { confirm, notify }) {
  let data = null;
  return {
    title: CONNECTIONS.title,
    isLive: true,
    async load(signal) {
      const [accounts, connections] = await Promise.all([all('/v1/accounts', signal), all('/v1/connections', signal)]);
      data = { accounts: byId(accounts), connections };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, CONNECTIONS.title),
        h('a', { class: 'button main', href: '#/start' }, CONNECTIONS.setUp),
      ),
      data.connections.length === 0
        ? h('p', { class: 'empty' }, CONNECTIONS.none)
        : h(
            'ul',
            { class: 'cards' },
            ...data.connections.map((connection) => connectionCard(connection, data.accounts)),
          ),
    ],
    actions: {
      async remove(element) {
        const connection = data.connections.find(({ id }) => id === element.dataset.id);
        if (!connection) return;
        const question = CONNECTIONS.remove(shortName(connection), connection.pairCount);
        if (!(await confirm({ ...question, isDangerous: true }))) return;
        await call('DELETE', `/v1/connections/${connection.id}`);
        notify(CONNECTIONS.removed);
      },
    },
  };
}

/** Null where it has none. */
const shortName = ({ name }) => (name === null ? null : plain(name, 80));

function connectionCard(connection, accounts) {
  const [caldav, cloud] = [accounts.get(connection.caldavAccountId), accounts.get(connection.cloudAccountId)];
  const isAlike = caldav && cloud && fullName(caldav) === fullName(cloud);
  const service = isAlike ? serviceAt : serviceOf;
  const side = (account) =>
    account ? h('span', { class: 'side' }, h('small', {}, service(account)), theirs(accountName(account))) : null;
  const both = [
    side(caldav),
    h('span', { class: 'arrow', 'aria-hidden': 'true' }, '–'),
    h('span', { class: 'gone' }, WORDS.and),
    side(cloud),
  ];
  const isFull = connection.pairCount >= connection.pairAllowance;
  const refused = [caldav, cloud].some((account) => account?.status === 'attention');
  return h(
    'li',
    { class: 'card', 'data-key': connection.id },
    ...(connection.name === null
      ? [h('h2', { class: 'pair' }, ...both)]
      : [h('h2', {}, theirs(connection.name)), h('p', { class: 'pair' }, ...both)]),
    refused
      ? h(
          'p',
          {},
          badge('attention', WORDS.needsAttention),
          ' ',
          h('a', { href: '#/accounts' }, CONNECTIONS.needsCredentials),
        )
      : null,
    h(
      'p',
      { class: 'sub' },
      CONNECTIONS.pairs(connection.pairCount, connection.pairAllowance),
      ' · ',
      ACCOUNTS.added,
      when(connection.createdAt),
    ),
    h(
      'p',
      { class: 'buttons' },
      isFull ? null : h('a', { class: 'button', href: `#/start?connection=${connection.id}` }, CONNECTIONS.addPair),
      button(WORDS.delete, 'remove', {
        'data-id': connection.id,
        class: 'danger',
        'aria-label': CONNECTIONS.deleteLabel(shortName(connection)),
      }),
    ),
  );
}
