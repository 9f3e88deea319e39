/** `/settings/integrations/{service}`: connect accounts of one service, and say what Calpair uses of them. */
import { connectActions, connectForm } from './account-forms.js';
import { settingsActions, settingsForm } from './account-settings.js';
import { all } from './api.js';
import { h, page, theirs } from './dom.js';
import { accountName, attentionOf } from './labels.js';
import { allProviders, presetOf, providerOf } from './providers.js';

/** @param name of a provider, or of a preset that stands for one service */
export function integrationPage(name, tools) {
  /** `{account, calendars, error}` of each account of the service. */
  let connected = [];
  const service = () => serviceNamed(name);

  async function load(signal) {
    const { provider, preset } = service() ?? {};
    if (!provider) return;
    const accounts = (await all('/v1/accounts', signal)).filter(
      (account) => account.provider === provider.provider && (preset === null || account.preset === preset.preset),
    );
    connected = await Promise.all(
      accounts.map((account) =>
        all(`/v1/accounts/${account.id}/calendars`, signal).then(
          (calendars) => ({ account, calendars, error: null }),
          (error) => ({ account, calendars: [], error }),
        ),
      ),
    );
  }

  const kind = () => service()?.provider.provider;
  const actionsOf = () =>
    connectActions(kind(), service().preset?.preset ?? null, {
      ...tools,
      path: `/settings/integrations/${name}`,
      added: async () => {
        await load();
        tools.redraw();
      },
    });
  return {
    title: 'Integration',
    load,
    render() {
      const { provider, preset } = service() ?? {};
      if (!provider) return page('Integration', '', h('p', { class: 'empty' }, 'Calpair does not know this service.'));
      const label = preset?.label ?? provider.label;
      return page(
        label,
        'Accounts of this service, the calendar that bookings are written to, and those whose events make busy.',
        ...connected.map(accountSection),
        h('h2', {}, connected.length === 0 ? `Connect ${label}` : `Connect another account of ${label}`),
        provider.configured
          ? connectForm(provider, preset?.preset ?? null)
          : h(
              'p',
              { class: 'empty' },
              `${label} is not set up in this installation. Start Calpair with ${provider.variables.join(' and ')}.`,
            ),
        h('p', {}, h('a', { href: '/#/accounts' }, 'All accounts')),
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

function accountSection({ account, calendars, error }) {
  const isOk = account.status === 'ok';
  const attention = isOk ? undefined : attentionOf(account.statusReason);
  return h(
    'section',
    { 'data-key': account.id },
    h('h2', {}, h('a', { href: `/#/accounts/${account.id}` }, theirs(accountName(account)))),
    h(
      'p',
      {},
      h('span', { class: `badge ${isOk ? 'active' : 'attention'}` }, isOk ? 'Works' : 'Needs attention'),
      attention ? ` ${attention.title}. ${attention.hint} ` : ' ',
      h(
        'a',
        {
          href: `/#/accounts/${account.id}/credentials`,
          'aria-label': `${isOk ? 'New credentials' : 'Sign in again'}: ${accountName(account)}`,
        },
        isOk ? 'New credentials' : 'Sign in again',
      ),
    ),
    error ? h('p', { class: 'failure' }, `The calendars cannot be listed. ${error.sentence ?? error.message}`) : null,
    calendars.length === 0 ? null : settingsForm(account, calendars),
  );
}
