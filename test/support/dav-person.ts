/** A person's CalDAV client, independent of Calpair: whole texts in, whole texts out. */
import assert from 'node:assert/strict';
import { basicAuthorization, type DavServer } from './dav.ts';

export class DavPerson {
  readonly url: string;
  readonly #authorization: string;

  constructor({ username, password }: Pick<DavServer, 'username' | 'password'>, url: string) {
    this.url = url;
    this.#authorization = basicAuthorization(username, password);
  }

  /** The server's status for a PUT under this name. */
  async tryPut(name: string, text: string): Promise<number> {
    return (await this.#send('PUT', name, { 'content-type': 'text/calendar; charset=utf-8' }, text)).status;
  }

  async put(name: string, text: string): Promise<void> {
    const status = await this.tryPut(name, text);
    assert.ok(status < 300, `PUT answered ${status} for:\n${text}`);
  }

  async get(name: string): Promise<string> {
    const { status, text } = await this.#send('GET', name);
    assert.equal(status, 200, `GET ${name}`);
    return text;
  }

  async edit(name: string, change: (text: string) => string): Promise<void> {
    const before = await this.get(name);
    const after = change(before);
    assert.notEqual(after, before, `the edit changes nothing in:\n${before}`);
    await this.put(name, after);
  }

  async remove(name: string): Promise<void> {
    const { status } = await this.#send('DELETE', name);
    assert.ok(status < 300, `DELETE ${name} answered ${status}`);
  }

  /** ETag by name. */
  async list(): Promise<Map<string, string>> {
    const body = '<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>';
    const { text } = await this.#send(
      'PROPFIND',
      '',
      { depth: '1', 'content-type': 'application/xml; charset=utf-8' },
      body,
    );
    const etags = new Map<string, string>();
    for (const [, response = ''] of text.matchAll(/<(?:\w+:)?response[^>]*>([\s\S]*?)<\/(?:\w+:)?response>/g)) {
      const href = /<(?:\w+:)?href[^>]*>([^<]+)</.exec(response)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const name = new URL(href, this.url).href.slice(this.url.length);
      if (name !== '' && !name.endsWith('/'))
        etags.set(name, /<(?:\w+:)?getetag[^>]*>([^<]*)</.exec(response)?.[1] ?? '');
    }
    return etags;
  }

  /** The names of the objects that the server finds in a time (`20270604T000000Z`): its own reading of them. */
  async inTimeRange(start: string, end: string): Promise<string[]> {
    const { status, text } = await this.#send(
      'REPORT',
      '',
      { depth: '1', 'content-type': 'application/xml; charset=utf-8' },
      `<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/></d:prop><c:filter>
        <c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="${start}" end="${end}"/>
        </c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`,
    );
    assert.equal(status, 207);
    const hrefs = [...text.matchAll(/<(?:\w+:)?href[^>]*>([^<]+)</g)].map(([, href = '']) => href);
    return hrefs.map((href) => new URL(href, this.url).href.slice(this.url.length)).sort();
  }

  /** Names of the collections beside this one, including the schedule inbox; each ends with a slash. */
  async collections(): Promise<string[]> {
    const { text } = await this.#send(
      'PROPFIND',
      '..',
      { depth: '1', 'content-type': 'application/xml; charset=utf-8' },
      '<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/></d:prop></d:propfind>',
    );
    const home = new URL('..', this.url);
    const hrefs = [...text.matchAll(/<(?:\w+:)?href[^>]*>([^<]+)</g)].map(([, href = '']) => new URL(href, home).href);
    return [...new Set(hrefs)]
      .filter((href) => href.startsWith(home.href) && href !== home.href && href.endsWith('/'))
      .map((href) => href.slice(home.href.length));
  }

  /** Text by name. What is deleted meanwhile, as a running pair may, is left out. */
  async all(): Promise<Map<string, string>> {
    const texts = new Map<string, string>();
    for (const name of (await this.list()).keys()) {
      const { status, text } = await this.#send('GET', name);
      if (status === 200) texts.set(name, text);
      else assert.ok(status === 404 && !(await this.list()).has(name), `GET ${name} answered ${status}`);
    }
    return texts;
  }

  /**
   * The name of the only object that contains this text.
   * @param texts `all()`, where many are looked for: reading 50 objects takes Radicale half a second
   */
  async nameOf(part: string, texts?: ReadonlyMap<string, string>): Promise<string> {
    const names = [...(texts ?? (await this.all()))]
      .filter(([, text]) => unfolded(text).some((line) => line.includes(part)))
      .map(([name]) => name);
    assert.equal(names.length, 1, `objects with ${part}`);
    return names[0]!;
  }

  /** The content lines of that object. */
  async linesOf(part: string): Promise<string[]> {
    return unfolded(await this.get(await this.nameOf(part)));
  }

  async dropCalendar(): Promise<void> {
    const { status } = await this.#send('DELETE', '');
    assert.ok(status < 300, `DELETE of the calendar answered ${status}`);
  }

  async #send(
    method: string,
    name: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const send = (): Promise<Response> =>
      fetch(new URL(name, this.url), {
        method,
        headers: { authorization: this.#authorization, ...headers },
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.timeout(60_000),
      });
    // SOGo's workers end from time to time, and close their connections.
    const answer = await send().catch(send);
    return { status: answer.status, text: await answer.text() };
  }
}

/** The content lines of an object. */
export function unfolded(text: string): string[] {
  return text
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

/** The lines that only one of the texts has, without the two that every writer updates. */
export function changedLines(before: string, after: string): { gone: string[]; come: string[] } {
  const count = (text: string): string[] => unfolded(text).filter((line) => !/^(DTSTAMP|LAST-MODIFIED)[:;]/.test(line));
  const [was, is] = [count(before), count(after)];
  return { gone: without(was, is), come: without(is, was) };
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
