/** The calendar services that accounts can belong to, as the API describes them. */
import { all } from './api.js';

let providers = [];

/** Once for each load of the console. */
export async function loadProviders(signal) {
  if (providers.length === 0) providers = await all('/v1/providers', signal);
}

export const allProviders = () => providers;

export const providerOf = (name) => providers.find(({ provider }) => provider === name);

export const presetOf = (provider, name) => provider?.presets.find(({ preset }) => preset === name);

/** What to call the service of an account: its preset's name, else its provider's. */
export function serviceOf(account) {
  const provider = providerOf(account.provider);
  const preset = presetOf(provider, account.preset);
  return preset && !preset.generic ? preset.label : (provider?.label ?? account.provider);
}
