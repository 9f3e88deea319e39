/** API keys: made, named, ended. */
import { all, call } from './api.js';
import { button, h, plain, table, theirs } from './dom.js';
import { field, form, input, select, submit, valuesOf } from './form.js';
import { when } from './labels.js';
import { KEY_SCOPES } from './messages.js';
import { instantText } from './values.js';

export function apiKeysPage(_search, { confirm, notify, redraw }) {
  let keys = [];
  /** The key that was just made: shown until the page is left. */
  let made = null;
  const load = async (signal) => {
    keys = await all('/v1/api-keys', signal);
  };
  return {
    title: 'API keys',
    load,
    render: () =>
      [
        h('h1', {}, 'API keys'),
        h(
          'p',
          { class: 'sub' },
          'Programs use them, and people sign in here with one. Calpair stores only their hashes.',
        ),
        made === null
          ? null
          : h(
              'section',
              { 'data-key': 'made', role: 'status' },
              h('h2', {}, `The key “${plain(made.name, 100)}”`),
              h('p', {}, 'Copy it now: it is not shown again.'),
              h('code', { class: 'key', tabindex: 0, 'aria-label': 'The new key' }, made.key),
              h('p', { class: 'buttons' }, button('Copy', 'copy', { class: 'main' })),
            ),
        keys.length === 0
          ? h('p', { class: 'empty' }, 'No key yet, but for the one that this installation was started with.')
          : h(
              'section',
              { 'data-key': 'keys' },
              table('Keys that are valid', ['Name', 'May', 'Sees', 'Made', 'Ends', 'End it'], keys.map(keyRow)),
            ),
        h('h2', {}, 'Make a key'),
        form(
          'make',
          'Make the key',
          field('name', 'Name', input({ maxlength: 100 }), { hint: 'Who or what uses it.' }),
          field('scope', 'It may', select(Object.entries(KEY_SCOPES), 'admin', { 'aria-required': 'false' })),
          field('externalId', 'Only accounts with this external id', input({ maxlength: 200 }), {
            hint: 'For a program that may see the accounts of one customer only.',
            isOptional: true,
          }),
          field('endsOn', 'Last day', input({ type: 'date' }), { isOptional: true }),
        ),
      ].filter((part) => part !== null),
    actions: {
      make: (element) =>
        submit(element, {}, async () => {
          const { endsOn, ...body } = valuesOf(element);
          // Through the whole of the last day, here.
          const expiresAt = endsOn === undefined ? {} : { expiresAt: new Date(`${endsOn}T23:59:59`).toISOString() };
          made = await call('POST', '/v1/api-keys', { ...body, ...expiresAt });
          element.reset();
          notify('The key is made. Copy it now.');
          await load();
          redraw();
        }),
      async copy() {
        await navigator.clipboard.writeText(made.key);
        notify('Copied.');
      },
      async end(element) {
        const key = keys.find(({ id }) => id === element.dataset.id);
        const isSure = await confirm({
          title: `End the key “${plain(key.name, 80)}”?`,
          yes: 'End the key',
          isDangerous: true,
          text: 'Programs that use it are refused from now on, and browsers that signed in with it are signed out.',
        });
        if (!isSure) return;
        await call('DELETE', `/v1/api-keys/${key.id}`);
        if (made?.id === key.id) made = null;
        notify('The key is ended.');
        await load();
        redraw();
      },
    },
  };
}

function keyRow({ id, name, scope, externalId, createdAt, expiresAt }) {
  return {
    key: id,
    cells: [
      theirs(name),
      KEY_SCOPES[scope] ?? scope,
      externalId === null ? 'everything' : theirs(externalId),
      when(createdAt),
      expiresAt === null ? 'never' : h('time', { datetime: expiresAt }, instantText(expiresAt)),
      button('End …', 'end', { 'data-id': id, class: 'danger', 'aria-label': `End the key ${plain(name, 80)}` }),
    ],
  };
}
