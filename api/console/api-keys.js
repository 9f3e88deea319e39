/** API keys: made, named, ended. */
import { all, call } from './api.js';
import { button, h, plain, table, theirs } from './dom.js';
import { field, form, input, select, submit, valuesOf } from './form.js';
import { when } from './labels.js';
import { KEYS } from './texts/accounts.js';
import { WORDS } from './texts/shell.js';
import { instantText } from './values.js';

const KEY_ID = 'new-key';

export function apiKeysPage(_search, { confirm, notify, redraw }) {
  let keys = [];
  /** The key that was just made: shown until the page is left. */
  let made = null;
  const load = async (signal) => {
    keys = await all('/v1/api-keys', signal);
  };
  return {
    title: KEYS.title,
    load,
    render: () =>
      [
        h('h1', {}, KEYS.title),
        h('p', { class: 'sub' }, KEYS.intro),
        made === null
          ? null
          : h(
              'section',
              { 'data-key': 'made', role: 'status' },
              h('h2', {}, KEYS.made(plain(made.name, 100))),
              h('p', {}, KEYS.copyNow),
              h('code', { class: 'key', id: KEY_ID, tabindex: 0, 'aria-label': KEYS.newKey }, made.key),
              h('p', { class: 'buttons' }, button(KEYS.copy, 'copy', { class: 'main' })),
            ),
        keys.length === 0
          ? h('p', { class: 'empty' }, KEYS.none)
          : h('section', { 'data-key': 'keys' }, table(KEYS.list, KEYS.columns, keys.map(keyRow))),
        h('h2', {}, KEYS.makeHeading),
        form(
          'make',
          KEYS.make,
          field('name', KEYS.name, input({ maxlength: 100 }), { hint: KEYS.nameHint }),
          field('scope', KEYS.scope, select(Object.entries(KEYS.scopes), 'admin', { 'aria-required': 'false' })),
          field('externalId', KEYS.externalId, input({ maxlength: 200 }), {
            hint: KEYS.externalIdHint,
            isOptional: true,
          }),
          field('endsOn', KEYS.lastDay, input({ type: 'date' }), { isOptional: true }),
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
          notify(KEYS.done);
          await load();
          redraw();
        }),
      async copy() {
        notify((await copied(made.key)) ? KEYS.copied : KEYS.selected);
      },
      async end(element) {
        const key = keys.find(({ id }) => id === element.dataset.id);
        if (!(await confirm({ ...KEYS.ending(plain(key.name, 80)), isDangerous: true }))) return;
        await call('DELETE', `/v1/api-keys/${key.id}`);
        if (made?.id === key.id) made = null;
        notify(KEYS.ended);
        await load();
        redraw();
      },
    },
  };
}

/**
 * Browsers have the clipboard for pages over https and of this machine only; elsewhere the key is at least selected.
 * @returns whether it is in the clipboard
 */
async function copied(key) {
  window.getSelection().selectAllChildren(document.getElementById(KEY_ID));
  return (
    navigator.clipboard?.writeText(key).then(
      () => true,
      () => false,
    ) ?? false
  );
}

function keyRow({ id, name, scope, externalId, createdAt, expiresAt }) {
  return {
    key: id,
    cells: [
      theirs(name),
      KEYS.scopes[scope] ?? scope,
      externalId === null ? KEYS.everything : theirs(externalId),
      when(createdAt),
      expiresAt === null ? WORDS.never : h('time', { datetime: expiresAt }, instantText(expiresAt)),
      button(KEYS.end, 'end', { 'data-id': id, class: 'danger', 'aria-label': KEYS.endLabel(plain(name, 80)) }),
    ],
  };
}
