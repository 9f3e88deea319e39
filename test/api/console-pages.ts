/** Pages of the console without a browser: as much of a document as drawing them needs. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ENV_KEY, type Json, type TestApi } from './harness.ts';

interface Page {
  /** Names of the form's fields, in order. */
  readonly fields: string[];
  readonly text: string;
  /** Where its links lead. */
  readonly links: string[];
  /** Chooses a preset. */
  choose(preset: string): { isAddressHidden: boolean; passwordHint: string };
}

/** The console whose files are in `folder`, as a client of this API. */
export async function openConsole(folder: string, api: TestApi) {
  Object.assign(globalThis, {
    document: { createElement: (tag: string) => new Element(tag) },
    fetch: async (url: string, { method }: { method: 'GET' }) => {
      const answer = await api.app.inject({ method, url, headers: { authorization: `Bearer ${ENV_KEY}` } });
      return new Response(answer.body, { status: answer.statusCode });
    },
  });
  const load = async (name: string): Promise<Json> => import(pathToFileURL(join(folder, name)).href);
  const [
    forms,
    lists,
    providers,
    setup,
    integration,
    sections,
    overview,
    undo,
    dom,
    values,
    requests,
    labels,
    calendars,
  ] = [
    await load('account-forms.js'),
    await load('lists.js'),
    await load('providers.js'),
    await load('setup.js'),
    await load('integration.js'),
    await load('pair-sections.js'),
    await load('overview.js'),
    await load('undo.js'),
    await load('dom.js'),
    await load('values.js'),
    await load('api.js'),
    await load('labels.js'),
    await load('calendar-names.js'),
  ];
  await providers.loadProviders();

  async function draw(page: Json): Promise<Page> {
    await page.load?.();
    const drawn: (Element | null)[] = page.render();
    const elements = drawn.flatMap((element) => element?.all() ?? []);
    return {
      fields: elements.flatMap((element: Element) => element.attributes['data-field'] ?? []),
      text: textOf(drawn),
      links: elements.flatMap((element: Element) => element.attributes['href'] ?? []),
      choose(preset) {
        const found: Record<string, Json> = {};
        const querySelector = (selector: string): Json => (found[selector] ??= {});
        page.actions.preset({ value: preset, form: { querySelector } });
        return {
          isAddressHidden: found['[data-field=serverUrl]'].hidden,
          passwordHint: found['#field-password-hint'].textContent,
        };
      },
    };
  }
  return {
    overview: (query: string, config: object) => draw(overview.overview(new URLSearchParams(query), { config })),
    accounts: () => draw(lists.accountsPage(new URLSearchParams(), {})),
    addAccount: (kind: string) => draw(forms.addAccount(kind, {})),
    newCredentials: (id: string) => draw(forms.newCredentials(id, {})),
    addPair: (connection: string) => draw(setup.setupPage(new URLSearchParams({ connection }), {})),
    integration: (name: string) => draw(integration.integrationPage(name, {})),
    sections,
    /** The text and links of what `keptSection` of an undo draws. */
    kept: (answer: Json) => draw({ render: () => [undo.keptSection(answer, { cloud: 'Family at Google' }, 'p1')] }),
    theirs: (text: string | null): string => textOf([dom.theirs(text)]),
    plain: (text: string, most: number): string => dom.plain(text, most),
    value: (field: string, value: unknown): string => textOf([values.valueOf(field, value)]),
    sideNames: (caldav: object, cloud: object): Json => labels.sideNames(caldav, cloud),
    withOwnNames: (items: readonly object[]): Json[] => calendars.withOwnNames(items),
    list: (path: string, most: number, answers?: number) => requests.list(path, most, undefined, answers),
    service: (account: object): string => providers.serviceOf(account),
  };
}

function textOf(drawn: readonly (Element | null)[]): string {
  const elements = drawn.flatMap((element) => element?.all() ?? []);
  return elements.flatMap(({ children }) => children.filter((one) => typeof one === 'string')).join(' ');
}

class Element {
  readonly tag: string;
  readonly attributes: Record<string, string> = {};
  readonly children: (Element | string)[] = [];

  constructor(tag: string) {
    this.tag = tag;
  }
  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }
  append(...children: (Element | string)[]): void {
    this.children.push(...children);
  }
  /** This one, and all in it. */
  all(): Element[] {
    return [this, ...this.children.flatMap((child) => (typeof child === 'string' ? [] : child.all()))];
  }
}
