/** One account: its state, what Calpair uses of it, and the pairs that use it. */
import { settingsActions, settingsForm } from './account-settings.js';
import { all, call, get } from './api.js';
import { calendarsOf } from './calendar-choice.js';
import { backLink, button, h, theirs } from './dom.js';
import { field, form, input, submit } from './form.js';
import { accountBadge, accountName, attentionOf, serviceAt, when } from './labels.js';
import { ACCOUNT, ACCOUNTS, USES } from './texts/accounts.js';
import { WORDS } from './texts/shell.js';

export function accountPage(id, { confirm, notify, go, redraw }) {
  const path = `/v1/accounts/${encodeURIComponent(id)}`;
  let account = null;
  let calendars = { items: [], error: null };
  let uses = [];
  return {
    title: ACCOUNT.title,
    async load(signal) {
      const [found, connections] = await Promise.all([get(path, signal), all('/v1/connections', signal)]);
      [account, calendars] = [found, await calendarsOf(id, signal)];
      uses = connections.filter(({ caldavAccountId, cloudAccountId }) =>
        [caldavAccountId, cloudAccountId].includes(id),
      );
    },
    render() {
      const isOk = account.status === 'ok';
      const pairs = uses.reduce((sum, { pairCount }) => sum + pairCount, 0);
      return [
        backLink('#/accounts', ACCOUNT.back),
        h('h1', {}, theirs(accountName(account))),
        h(
          'p',
          { class: 'sub' },
          serviceAt(account),
          account.label === null ? null : [' · ', theirs(account.username)],
          ' · ',
          ACCOUNTS.added,
          when(account.createdAt),
          pairs === 0 ? ACCOUNT.unused : [ACCOUNT.usedBy, h('a', { href: '#/' }, ACCOUNT.pairs(pairs))],
        ),
        accountStatus(account),
        h(
          'p',
          { class: 'buttons' },
          h(
            'a',
            { class: isOk ? 'button' : 'button main', href: `#/accounts/${id}/credentials` },
            isOk ? ACCOUNT.newCredentials : ACCOUNT.signInAgain,
          ),
          button(WORDS.delete, 'remove', { class: 'danger' }),
        ),
        calendars.error === null ? null : h('p', { class: 'failure' }, ACCOUNT.noCalendars(calendars.error.sentence)),
        calendars.items.length === 0 ? null : h('h2', {}, USES.heading),
        calendars.items.length === 0 ? null : settingsForm(account, calendars.items),
        h('h2', {}, ACCOUNT.itsName),
        form(
          'rename',
          ACCOUNT.rename,
          field('label', ACCOUNT.name, input({ maxlength: 200, value: account.label ?? '' }), {
            hint: ACCOUNT.nameHint,
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
          notify(ACCOUNT.renamed);
          redraw();
        }),
      async remove() {
        if (await removeAccount(account, { confirm, notify })) go('#/accounts');
      },
    },
  };
}

/** The badge with what is wrong and what to do about it. */
export function accountStatus(account) {
  const attention = account.status === 'ok' ? undefined : attentionOf(account.statusReason);
  return h(
    'div',
    { class: 'status' },
    h('p', {}, accountBadge(account), attention ? h('strong', {}, ` ${attention.title}.`) : null),
    attention ? h('p', { class: 'advice' }, attention.hint) : null,
  );
}

/** Asks first. @returns whether it is deleted */
export async function removeAccount(account, { confirm, notify }) {
  if (!(await confirm({ ...ACCOUNT.remove(accountName(account)), isDangerous: true }))) return false;
  await call('DELETE', `/v1/accounts/${encodeURIComponent(account.id)}`);
  notify(ACCOUNT.removed);
  return true;
}
