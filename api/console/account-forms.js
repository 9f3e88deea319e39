/** Adding an account, and giving one new credentials. */
import { call, get } from './api.js';
import { h, plain, theirs } from './dom.js';
import { field, form, input, select, showProblem, valuesOf } from './form.js';
import { accountName, FIXED_ADDRESS, hintsOf, PRESETS, serviceOf } from './labels.js';

const label = () => field('label', 'Name for this account', input({ maxlength: 200 }), { isOptional: true });
const AT_ADDRESS = {
  'server-unreachable': 'serverUrl',
  'not-a-caldav-server': 'serverUrl',
  'address-not-allowed': 'serverUrl',
};

export function addCaldav(_query, { say, go }) {
  return {
    title: 'Add a CalDAV account',
    render: () =>
      page(
        'Add a CalDAV account',
        'The credentials are proved with the server first, then kept encrypted.',
        form(
          'add',
          'Add the account',
          field('preset', 'Service', select(PRESETS, 'generic', { 'data-change': 'preset' })),
          field('serverUrl', 'Server address', input({ type: 'url', inputmode: 'url' }), {
            hint: 'The server, or a calendar on it, with https in front. The rest is found by itself.',
          }),
          field('username', 'User', input(), { hint: hintsOf('generic').username }),
          field('password', 'Password', input({ type: 'password', autocomplete: 'new-password' }), {
            hint: hintsOf('generic').password,
          }),
          label(),
        ),
      ),
    actions: {
      preset(element) {
        element.form.querySelector('[data-field=serverUrl]').hidden = FIXED_ADDRESS.includes(element.value);
        for (const [name, hint] of Object.entries(hintsOf(element.value)))
          element.form.querySelector(`#field-${name}-hint`).textContent = hint;
      },
      add: (element) =>
        submit(element, { ...AT_ADDRESS, 'credentials-rejected': 'password' }, async () => {
          const account = await call('POST', '/v1/accounts', { provider: 'caldav', ...valuesOf(element) });
          say(`${accountName(account)} is added.`);
          go('#/accounts');
        }),
    },
  };
}

/** `service`: `google` or `microsoft`. */
export function addCloud(service, { config, say, go }) {
  const name = serviceOf({ provider: service });
  const variables = `${service.toUpperCase()}_CLIENT_ID and ${service.toUpperCase()}_CLIENT_SECRET`;
  return {
    title: `Add a ${name} account`,
    render: () =>
      page(
        `Add a ${name} account`,
        `The token is proved with ${name} first, then kept encrypted.`,
        config.providers.includes(service)
          ? form(
              'add',
              'Add the account',
              field('refreshToken', 'Refresh token', input({ type: 'password', autocomplete: 'off' }), {
                hint:
                  'One that was given to the OAuth client of this installation, with the right to read and ' +
                  'write calendars.',
              }),
              label(),
            )
          : h('p', { class: 'empty' }, `${name} is not set up in this installation. Start it with ${variables}.`),
      ),
    actions: {
      add: (element) =>
        submit(element, { 'credentials-rejected': 'refreshToken' }, async () => {
          const account = await call('POST', '/v1/accounts', { provider: service, ...valuesOf(element) });
          say(`${accountName(account)} is added.`);
          go('#/accounts');
        }),
    },
  };
}

export function newCredentials(id, { say, go }) {
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
          'that waits for them goes on by itself.',
        account.provider === 'caldav'
          ? form(
              'renew',
              'Save',
              field('username', 'User', input({ placeholder: plain(account.username, 100) }), {
                isOptional: true,
                hint: 'Only if it has changed.',
              }),
              field('password', 'Password', input({ type: 'password', autocomplete: 'new-password' }), {
                hint: hintsOf(account.preset).password,
              }),
            )
          : form('renew', 'Save', field('refreshToken', 'Refresh token', input({ type: 'password' }))),
      ),
    actions: {
      renew: (element) => {
        const secret = account.provider === 'caldav' ? 'password' : 'refreshToken';
        return submit(element, { 'credentials-rejected': secret, 'different-account': secret }, async () => {
          await call('PUT', `${path}/credentials`, valuesOf(element));
          say('The new credentials work and are kept.');
          go('#/accounts');
        });
      },
    },
  };
}

export function page(title, intro, ...content) {
  return [h('h1', {}, title), intro === '' ? null : h('p', { class: 'sub' }, intro), ...content].filter(
    (part) => part !== null,
  );
}

/** What is refused is shown in the form; what was typed stays. */
export async function submit(element, fieldOf, work) {
  try {
    await work();
  } catch (error) {
    if (error.status === 401) throw error;
    showProblem(element, error, fieldOf);
  }
}
