/** One account: its state, what Calpair uses of it, and the pairs that use it. */
import { settingsActions, settingsForm } from './account-settings.js';
import { all, call, get } from './api.js';
import { calendarsOf } from './calendar-choice.js';
import { button, h, theirs } from './dom.js';
import { field, form, input, submit } from './form.js';
import { accountName, attentionOf, count, when } from './labels.js';
import { serviceOf } from './providers.js';

export function accountPage(id, { confirm, notify, go, redraw }) {
  const path = `/v1/accounts/${encodeURIComponent(id)}`;
  let account = null;
  let calendars = { items: [], error: null };
  let uses = [];
  return {
    title: 'Account',
    async load(signal) {
      const [found, connections] = await Promise.all([get(path, signal), all('/v1/connections', signal)]);
      [account, calendars] = [found, await calendarsOf(id, signal)];
      uses = connections.filter(({ caldavAccountId, cloudAccountId }) =>
        [caldavAccountId, cloudAccountId].includes(id),
      );
    },
    render() {
      const isOk = account.status === 'ok';
      const attention = isOk ? undefined : attentionOf(account.statusReason);
      const pairs = uses.reduce((sum, { pairCount }) => sum + pairCount, 0);
      return [
        h('p', { class: 'back' }, h('a', { href: '#/accounts' }, '← All accounts')),
        h('h1', {}, theirs(accountName(account))),
        h(
          'p',
          { class: 'sub' },
          serviceOf(account),
          account.label === null ? null : [' · ', theirs(account.username)],
          ' · added ',
          when(account.createdAt),
          pairs === 0 ? ' · not used by a pair' : [' · used by ', h('a', { href: '#/' }, count(pairs, 'pair'))],
        ),
        h(
          'div',
          { class: 'status' },
          h(
            'p',
            {},
            h('span', { class: `badge ${isOk ? 'active' : 'attention'}` }, isOk ? 'Works' : 'Needs attention'),
            attention ? h('strong', {}, ` ${attention.title}.`) : null,
          ),
          attention ? h('p', { class: 'advice' }, attention.hint) : null,
        ),
        h(
          'p',
          { class: 'buttons' },
          h(
            'a',
            { class: isOk ? 'button' : 'button main', href: `#/accounts/${id}/credentials` },
            isOk ? 'New credentials' : 'Sign in again',
          ),
          button('Delete …', 'remove', { class: 'danger' }),
        ),
        calendars.error === null
          ? null
          : h('p', { class: 'failure' }, `The calendars cannot be listed. ${calendars.error.sentence}`),
        calendars.items.length === 0 ? null : h('h2', {}, 'Bookings and free times'),
        calendars.items.length === 0 ? null : settingsForm(account, calendars.items),
        h('h2', {}, 'Its name in Calpair'),
        form(
          'rename',
          'Rename',
          field('label', 'Name', input({ maxlength: 200, value: account.label ?? '' }), {
            hint: 'Left empty, it is called by its user name.',
            isOptional: true,
          }),
        ),
      ].filter((part) => part !== null);
    },
    actions: {
      ...settingsActions({ notify }),
      rename: (element) =>
        submit(element, {}, async () => {
          account = await call('PATCH', path, { label: element.elements.label.value.trim() || null });
          notify('Renamed.');
          redraw();
        }),
      async remove() {
        const isSure = await confirm({
          title: `Delete the account ${accountName(account)}?`,
          yes: 'Delete the account',
          isDangerous: true,
          text:
            'Calpair deletes its credentials. Its calendars do not change. An account that a connection uses ' +
            'cannot be deleted.',
        });
        if (!isSure) return;
        await call('DELETE', path);
        notify('The account is deleted.');
        go('#/accounts');
      },
    },
  };
}
