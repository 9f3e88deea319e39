/** Adding an account, and giving one new credentials. */
import { call, get } from './api.js';
import { beginAtServer, signInAt } from './browser-sign-in.js';
import { button, h, page, plain, theirs } from './dom.js';
import { field, form, input, select, submit, valuesOf } from './form.js';
import { accountName } from './labels.js';
import { presetOf, providerOf, serviceOf } from './providers.js';
import { ACCOUNTS, BROWSER, CREDENTIALS } from './texts/accounts.js';
import { FORM } from './texts/shell.js';

export function addAccount(kind, { notify, go }) {
  return {
    title: CREDENTIALS.addTitle,
    render() {
      const provider = providerOf(kind);
      if (!provider) return page(CREDENTIALS.addTitle, '', h('p', { class: 'empty' }, CREDENTIALS.unknownService));
      return page(ACCOUNTS.add(provider.label), CREDENTIALS.addIntro, connectForm(provider));
    },
    actions: {
      ...connectActions(kind, null, { notify, go, path: '/#/accounts' }),
    },
  };
}

/**
 * By browser where the service has that, else by form; a form is offered all the same. What a service needs that is not
 * set up is said instead.
 * @param preset the only one
 */
export function connectForm(provider, preset = null) {
  const { label, configured, variables } = provider;
  if (!configured) return h('p', { class: 'empty' }, CREDENTIALS.notSetUp(label, variables));
  const byForm = newAccountForm(provider, { preset });
  if (!provider.browserSignIn) return byForm;
  return h('div', { class: 'connect' }, signInButtons([provider]), orByForm(byForm));
}

const orByForm = (byForm) => h('details', { 'data-key': 'by-form' }, h('summary', {}, CREDENTIALS.token), byForm);

/** For services where a person signs in by browser. */
export function signInButtons(providers) {
  return h(
    'p',
    { class: 'buttons' },
    ...providers.map(({ provider, label }) =>
      button(ACCOUNTS.signInWith(label), 'signIn', { class: 'main', 'data-kind': provider }),
    ),
  );
}

/** What the forms of `connectForm` do. `path`: where the browser comes back to; `next`: where a new account leads. */
export function connectActions(kind, preset, { notify, go, path, next = () => '#/accounts' }) {
  const form_ = (element) => ({ ...(preset === null ? {} : { preset }), ...valuesOf(element) });
  return {
    signIn: () => signInAt(kind, null, path),
    preset: (element) => showPreset(element.form, providerOf(kind), element.value),
    atServer: (element) =>
      submit(element.form, fieldOfCode(providerOf(kind)), () =>
        beginAtServer(valuesOf(element.form), null, { go, next }),
      ),
    add: (element) =>
      submit(element, fieldOfCode(providerOf(kind)), async () => {
        const account = await call('POST', '/v1/accounts', { provider: kind, ...form_(element) }).catch((error) => {
          // The person confirms the other server by connecting again with its address.
          if (error.serverUrl) element.elements.serverUrl.value = plain(error.serverUrl, 2000);
          throw error;
        });
        notify(CREDENTIALS.added(accountName(account)));
        go(next(account));
      }),
  };
}

/** @param more `preset`: the only one, null: any; `submit`: words of the button, without which a name is asked for */
export function newAccountForm(provider, { preset = null, submit: words = null }) {
  const { fields, presets } = provider;
  const only = preset === null ? undefined : presetOf(provider, preset);
  const generic = only ?? presets.find((one) => one.generic);
  return form(
    'add',
    words ?? CREDENTIALS.submit,
    presets.length === 0 || only !== undefined
      ? null
      : field(
          'preset',
          CREDENTIALS.service,
          select(
            presets.map(({ preset, label }) => [preset, label]),
            generic.preset,
            { 'data-change': 'preset' },
          ),
        ),
    // An address is needed wherever the preset has none.
    ...fields
      .filter(({ name }) => name !== 'serverUrl' || !only || only.serverUrl === null)
      .map((one) => credentialField(one, generic, { isOptional: one.optional && one.name !== 'serverUrl' })),
    presets.some(({ browserSignIn }) => browserSignIn)
      ? h(
          'p',
          { class: 'buttons', id: 'at-server', hidden: !generic?.browserSignIn },
          button(BROWSER.atServer, 'atServer'),
        )
      : null,
    words === null ? field('label', CREDENTIALS.name, input({ maxlength: 200 }), { isOptional: true }) : null,
  );
}

function credentialField({ name, label, type, hint }, preset, { isOptional, ...more }) {
  const control = {
    text: input(more),
    // Not of the type url: a host name is enough.
    url: input({ inputmode: 'url', ...more }),
    secret: input({ type: 'password', autocomplete: 'new-password', ...more }),
  };
  return field(name, label, control[type], { hint: preset?.hints[name] ?? hint, isOptional });
}

/** Other hints, and no address where the service has only one. */
function showPreset(element, provider, name) {
  const preset = presetOf(provider, name);
  element.querySelector('[data-field=serverUrl]').hidden = preset.serverUrl !== null;
  element.querySelector('#at-server').hidden = !preset.browserSignIn;
  for (const { name: field, hint } of provider.fields)
    element.querySelector(`#field-${field}-hint`).textContent = preset.hints[field] ?? hint;
}

/** The field that a refusal is about, by the code of the API. */
function fieldOfCode({ fields }) {
  const named = (type) => fields.find((field) => field.type === type)?.name;
  return {
    'server-unreachable': named('url'),
    'not-a-caldav-server': named('url'),
    'server-not-confirmed': named('url'),
    'address-not-allowed': named('url'),
    'credentials-rejected': named('secret'),
    'different-account': named('secret'),
  };
}

export function newCredentials(id, { notify, go }) {
  const path = `/v1/accounts/${encodeURIComponent(id)}`;
  let account = null;
  return {
    title: CREDENTIALS.renewTitle,
    async load(signal) {
      account = await get(path, signal);
    },
    render: () =>
      page(
        CREDENTIALS.renewHeading(theirs(accountName(account))),
        CREDENTIALS.renewIntro(serviceOf(account)),
        providerOf(account.provider)?.browserSignIn
          ? h(
              'p',
              { class: 'buttons' },
              button(CREDENTIALS.signInAgainWith(providerOf(account.provider).label), 'signIn', { class: 'main' }),
            )
          : null,
        presetOf(providerOf(account.provider), account.preset)?.browserSignIn
          ? form(
              'atServer',
              CREDENTIALS.signInAgainAtServer,
              field('serverUrl', CREDENTIALS.address, input({ inputmode: 'url' })),
            )
          : null,
        providerOf(account.provider)?.browserSignIn ? orByForm(renewForm(account)) : renewForm(account),
      ),
    actions: {
      signIn: () => signInAt(account.provider, account.id, '/#/accounts'),
      atServer: (element) =>
        submit(element, fieldOfCode(providerOf(account.provider)), () =>
          beginAtServer(valuesOf(element), account.id, { go, next: () => '#/accounts' }),
        ),
      renew: (element) =>
        submit(element, fieldOfCode(providerOf(account.provider)), async () => {
          await call('PUT', `${path}/credentials`, valuesOf(element));
          notify(CREDENTIALS.renewed);
          go('#/accounts');
        }),
    },
  };
}

function renewForm(account) {
  const provider = providerOf(account.provider);
  const preset = presetOf(provider, account.preset);
  const fields = provider.fields.filter((one) => one.newCredentials !== 'unchanged');
  return form(
    'renew',
    FORM.save,
    ...fields.map((one) =>
      one.newCredentials === 'required'
        ? credentialField(one, preset, { isOptional: false })
        : credentialField({ ...one, hint: CREDENTIALS.onlyIfChanged }, null, {
            isOptional: true,
            ...(one.name === 'username' ? { placeholder: plain(account.username, 100) } : {}),
          }),
    ),
  );
}
