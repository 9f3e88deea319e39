/** Adding an account, and giving one new credentials. */
import { call, get } from './api.js';
import { h, plain, theirs } from './dom.js';
import { field, form, input, select, showProblem, valuesOf } from './form.js';
import { accountName } from './labels.js';
import { presetOf, providerOf, serviceOf } from './providers.js';

export function addAccount(kind, { notify, go }) {
  return {
    title: 'Add an account',
    render() {
      const provider = providerOf(kind);
      if (!provider)
        return page('Add an account', '', h('p', { class: 'empty' }, 'Calpair does not know this service.'));
      return page(
        `Add a ${provider.label} account`,
        'Calpair checks the credentials with the server, then stores them encrypted.',
        provider.configured
          ? addForm(provider)
          : h(
              'p',
              { class: 'empty' },
              `${provider.label} is not set up in this installation. ` +
                `Start Calpair with ${provider.variables.join(' and ')}.`,
            ),
      );
    },
    actions: {
      preset: (element) => showPreset(element.form, providerOf(kind), element.value),
      add: (element) =>
        submit(element, fieldOfCode(providerOf(kind)), async () => {
          const account = await call('POST', '/v1/accounts', { provider: kind, ...valuesOf(element) });
          notify(`${accountName(account)} is added.`);
          go('#/accounts');
        }),
    },
  };
}

function addForm({ fields, presets }) {
  const generic = presets.find((preset) => preset.generic);
  return form(
    'add',
    'Add the account',
    presets.length === 0
      ? null
      : field(
          'preset',
          'Service',
          select(
            presets.map(({ preset, label }) => [preset, label]),
            generic.preset,
            { 'data-change': 'preset' },
          ),
        ),
    // An address is needed wherever the preset has none.
    ...fields.map((one) => credentialField(one, generic, { isOptional: one.optional && one.name !== 'serverUrl' })),
    field('label', 'Name for this account', input({ maxlength: 200 }), { isOptional: true }),
  );
}

function credentialField({ name, label, type, hint }, preset, { isOptional, ...more }) {
  const control = {
    text: input(more),
    url: input({ type: 'url', inputmode: 'url', ...more }),
    secret: input({ type: 'password', autocomplete: 'new-password', ...more }),
  };
  return field(name, label, control[type], { hint: preset?.hints[name] ?? hint, isOptional });
}

/** Other hints, and no address where the service has only one. */
function showPreset(element, provider, name) {
  const preset = presetOf(provider, name);
  element.querySelector('[data-field=serverUrl]').hidden = preset.serverUrl !== null;
  for (const { name: field, hint } of provider.fields)
    element.querySelector(`#field-${field}-hint`).textContent = preset.hints[field] ?? hint;
}

/** The field that a refusal is about, by the code of the API. */
function fieldOfCode({ fields }) {
  const named = (type) => fields.find((field) => field.type === type)?.name;
  return {
    'server-unreachable': named('url'),
    'not-a-caldav-server': named('url'),
    'address-not-allowed': named('url'),
    'credentials-rejected': named('secret'),
    'different-account': named('secret'),
  };
}

export function newCredentials(id, { notify, go }) {
  const path = `/v1/accounts/${encodeURIComponent(id)}`;
  let account = null;
  return {
    title: 'New credentials',
    async load(signal) {
      account = await get(path, signal);
    },
    render: () =>
      page(
        ['New credentials for ', theirs(accountName(account))],
        `${serviceOf(account)}. They have to open the calendars of the same person. Every pair ` +
          'that waits for them continues by itself.',
        renewForm(account),
      ),
    actions: {
      renew: (element) =>
        submit(element, fieldOfCode(providerOf(account.provider)), async () => {
          await call('PUT', `${path}/credentials`, valuesOf(element));
          notify('The new credentials work and are stored.');
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
    'Save',
    ...fields.map((one) =>
      one.newCredentials === 'required'
        ? credentialField(one, preset, { isOptional: false })
        : credentialField({ ...one, hint: 'Only if it has changed.' }, null, {
            isOptional: true,
            ...(one.name === 'username' ? { placeholder: plain(account.username, 100) } : {}),
          }),
    ),
  );
}

export function page(title, intro, ...content) {
  return [h('h1', {}, title), intro === '' ? null : h('p', { class: 'sub' }, intro), ...content].filter(
    (part) => part !== null,
  );
}

/** Shows a refusal in the form, where what was typed stays. */
export async function submit(element, fieldOf, work) {
  try {
    await work();
  } catch (error) {
    if (error.status === 401) throw error;
    showProblem(element, error, fieldOf);
  }
}
