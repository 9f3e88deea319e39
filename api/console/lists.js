/** Accounts, and the connections between them. */
import { all, call } from './api.js';
import { button, h, plain, theirs } from './dom.js';
import { accountName, attentionOf, count, when } from './labels.js';
import { byId } from './overview.js';
import { allProviders, serviceOf } from './providers.js';

export function accountsPage(_query, { confirm, notify }) {
  let data = null;
  return {
    title: 'Accounts',
    isLive: true,
    async load(signal) {
      const [accounts, connections] = await Promise.all([all('/v1/accounts', signal), all('/v1/connections', signal)]);
      data = { accounts, connections };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, 'Accounts'),
        ...allProviders().map(({ provider, label, browserSignIn }, at) =>
          h(
            'a',
            { class: at === 0 ? 'button main' : 'button', href: `#/accounts/new/${provider}` },
            browserSignIn ? `Sign in with ${label}` : `Add a ${label} account`,
          ),
        ),
      ),
      data.accounts.length === 0
        ? h('p', { class: 'empty' }, 'No account yet. Add two: a CalDAV account and the one to keep it in sync with.')
        : h('ul', { class: 'cards' }, ...data.accounts.map((account) => accountCard(account, data.connections))),
    ],
    actions: {
      async remove(element) {
        const account = data.accounts.find(({ id }) => id === element.dataset.id);
        if (
          !account ||
          !(await confirm({
            title: `Delete the account ${accountName(account)}?`,
            yes: 'Delete the account',
            isDangerous: true,
            text:
              'Calpair deletes its credentials. Its calendars do not change. An account that a connection uses ' +
              'cannot be deleted.',
          }))
        )
          return;
        await call('DELETE', `/v1/accounts/${account.id}`);
        notify('The account is deleted.');
      },
    },
  };
}

function accountCard(account, connections) {
  const uses = connections.filter(({ caldavAccountId, cloudAccountId }) =>
    [caldavAccountId, cloudAccountId].includes(account.id),
  ).length;
  const isOk = account.status === 'ok';
  const attention = isOk ? undefined : attentionOf(account.statusReason);
  return h(
    'li',
    { class: 'card', 'data-key': account.id },
    h('h2', {}, h('a', { href: `#/accounts/${account.id}` }, theirs(accountName(account)))),
    h(
      'p',
      { class: 'sub' },
      serviceOf(account),
      account.label === null ? '' : [' · ', theirs(account.username)],
      ' · ',
      uses === 0 ? 'not connected' : count(uses, 'connection'),
      ' · added ',
      when(account.createdAt),
    ),
    h(
      'div',
      { class: 'status' },
      h(
        'p',
        {},
        h('span', { class: `badge ${isOk ? 'active' : 'attention'}` }, isOk ? 'Works' : 'Needs attention'),
        isOk ? null : h('strong', {}, ` ${attention?.title ?? account.statusReason ?? ''}`),
      ),
      attention ? h('p', { class: 'advice' }, attention.hint) : null,
    ),
    h(
      'p',
      { class: 'buttons' },
      h(
        'a',
        {
          class: isOk ? 'button' : 'button main',
          href: `#/accounts/${account.id}/credentials`,
          'aria-label': `New credentials for ${accountName(account)}`,
        },
        'New credentials',
      ),
      button('Delete …', 'remove', {
        'data-id': account.id,
        class: 'danger',
        'aria-label': `Delete the account ${accountName(account)}`,
      }),
    ),
  );
}

export function connectionsPage(_query, { confirm, notify }) {
  let data = null;
  return {
    title: 'Connections',
    isLive: true,
    async load(signal) {
      const [accounts, connections] = await Promise.all([all('/v1/accounts', signal), all('/v1/connections', signal)]);
      data = { accounts: byId(accounts), connections };
    },
    render: () => [
      h(
        'div',
        { class: 'head' },
        h('h1', {}, 'Connections'),
        h('a', { class: 'button main', href: '#/start' }, 'Set up a pair'),
      ),
      data.connections.length === 0
        ? h(
            'p',
            { class: 'empty' },
            'No connection yet. It joins a CalDAV account with another account and is made with their first pair.',
          )
        : h(
            'ul',
            { class: 'cards' },
            ...data.connections.map((connection) => connectionCard(connection, data.accounts)),
          ),
    ],
    actions: {
      async remove(element) {
        const connection = data.connections.find(({ id }) => id === element.dataset.id);
        if (
          !connection ||
          !(await confirm({
            title: `Delete the connection ${plain(connection.name ?? 'without a name', 80)}?`,
            yes: 'Delete the connection',
            isDangerous: true,
            text:
              `Its ${count(connection.pairCount, 'pair')} ${connection.pairCount === 1 ? 'is' : 'are'} stopped and ` +
              'deleted. All events stay on both sides, and the accounts stay, too.',
          }))
        )
          return;
        await call('DELETE', `/v1/connections/${connection.id}`);
        notify('The connection is deleted. All events stay.');
      },
    },
  };
}

function connectionCard(connection, accounts) {
  const [caldav, cloud] = [accounts.get(connection.caldavAccountId), accounts.get(connection.cloudAccountId)];
  const side = (account) =>
    account ? h('span', { class: 'side' }, h('small', {}, serviceOf(account)), theirs(accountName(account))) : null;
  const isFull = connection.pairCount >= connection.pairAllowance;
  const refused = [caldav, cloud].some((account) => account?.status === 'attention');
  return h(
    'li',
    { class: 'card', 'data-key': connection.id },
    h('h2', {}, theirs(connection.name, 'Connection without a name')),
    h(
      'p',
      { class: 'pair small' },
      side(caldav),
      h('span', { class: 'arrow', 'aria-hidden': 'true' }, '–'),
      h('span', { class: 'gone' }, ' and '),
      side(cloud),
    ),
    refused
      ? h(
          'p',
          { class: 'status' },
          h('span', { class: 'badge attention' }, 'Needs attention'),
          ' ',
          h('a', { href: '#/accounts' }, 'An account needs new credentials.'),
        )
      : null,
    h(
      'p',
      { class: 'sub' },
      `${connection.pairCount} of ${count(connection.pairAllowance, 'pair')}`,
      ' · added ',
      when(connection.createdAt),
    ),
    h(
      'p',
      { class: 'buttons' },
      isFull ? null : h('a', { class: 'button', href: `#/start?connection=${connection.id}` }, 'Add a pair'),
      button('Delete …', 'remove', {
        'data-id': connection.id,
        class: 'danger',
        'aria-label': `Delete the connection ${plain(connection.name ?? 'without a name', 80)}`,
      }),
    ),
  );
}
