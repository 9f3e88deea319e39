/** `/settings/integrations/{service}`: connect accounts of one service, and say what Calpair uses of them. */
import { accountStatus } from './account.js';
import { connectActions, connectForm } from './account-forms.js';
import { settingsActions, settingsForm } from './account-settings.js';
import { all } from './api.js';
import { calendarsOf } from './calendar-choice.js';
import { h, page, theirs } from './dom.js';
import { accountName, serviceAt } from './labels.js';
import { allProviders, presetOf, providerOf } from './providers.js';
import { ACCOUNT, CREDENTIALS, INTEGRATION } from './texts/accounts.js';

/** @param name of a provider, or of a preset that stands for one service */
export function integrationPage(name, tools) {
  /** `{account, items, error}` of each account of the service, with its calendars. */
  let connected = [];
  const service = () => serviceNamed(name);

  async function load(signal) {
    const { provider, preset } = service() ?? {};
    if (!provider) return;
    const accounts = (await all('/v1/accounts', signal)).filter(
      (account) => account.provider === provider.provider && (preset === null || account.preset === preset.preset),
    );
    connected = await Promise.all(
      accounts.map(async (account) => ({ account, ...(await calendarsOf(account.id, signal)) })),
    );
  }

  const kind = () => service()?.provider.provider;
  const actionsOf = () =>
    connectActions(kind(), service().preset?.preset ?? null, {
      ...tools,
      path: `/settings/integrations/${name}`,
      next: () => `/settings/integrations/${name}`,
    });
  return {
    title: INTEGRATION.title,
    load,
    render() {
      const { provider, preset } = service() ?? {};
      if (!provider) return page(INTEGRATION.title, '', h('p', { class: 'empty' }, CREDENTIALS.unknownService));
      const label = preset?.label ?? provider.label;
      return page(
        label,
        INTEGRATION.intro,
        ...connected.map(accountSection),
        h('h2', {}, (connected.length === 0 ? INTEGRATION.connect : INTEGRATION.connectAnother)(label)),
        connectForm(provider, preset?.preset ?? null),
        h('p', {}, h('a', { href: '/#/accounts' }, ACCOUNT.back)),
      );
    },
    actions: {
      signIn: () => actionsOf().signIn(),
      preset: (element) => actionsOf().preset(element),
      atServer: (element) => actionsOf().atServer(element),
      add: (element) => actionsOf().add(element),
      ...settingsActions(tools),
    },
  };
}

function serviceNamed(name) {
  const provider = providerOf(name);
  if (provider) return { provider, preset: null };
  const owner = allProviders().find((one) => presetOf(one, name));
  return owner ? { provider: owner, preset: presetOf(owner, name) } : undefined;
}

function accountSection({ account, items, error }) {
  const isOk = account.status === 'ok';
  const name = accountName(account);
  return h(
    'section',
    { 'data-key': account.id },
    h('h2', {}, h('a', { href: `/#/accounts/${account.id}` }, theirs(name))),
    h('p', { class: 'sub' }, serviceAt(account)),
    accountStatus(account),
    h(
      'p',
      {},
      h(
        'a',
        {
          href: `/#/accounts/${account.id}/credentials`,
          'aria-label': isOk ? ACCOUNT.newCredentialsFor(name) : ACCOUNT.signInAgainTo(name),
        },
        isOk ? ACCOUNT.newCredentials : ACCOUNT.signInAgain,
      ),
    ),
    error ? h('p', { class: 'failure' }, ACCOUNT.noCalendars(error.sentence ?? error.message)) : null,
    items.length === 0 ? null : settingsForm(account, items),
  );
}
