/**
 * A CalDAV server that sends invitations, with all effects on other people: everything in bob's calendars, and the
 * mails.
 */
import assert from 'node:assert/strict';
import { type CaldavServer, startCaldavServer } from './caldav-servers.ts';
import { DavPerson, unfolded } from './dav-person.ts';
import { type MailSink, startMailSink } from './mail-sink.ts';

export class SchedulingServer {
  readonly server: CaldavServer & { readonly name: string };
  /** Their own clients, in the calendars to which the server delivers invitations. */
  readonly alice: DavPerson;
  readonly bob: DavPerson;
  readonly #sink: MailSink;

  private constructor(name: string, server: CaldavServer, sink: MailSink, inbox: string) {
    this.server = { ...server, name };
    this.#sink = sink;
    this.alice = new DavPerson(server, new URL(`../${inbox}/`, server.calendar).href);
    this.bob = new DavPerson({ username: 'bob', password: 'bob-secret' }, this.alice.url.replace('/alice/', '/bob/'));
  }

  static async start(name: 'cyrus' | 'sogo'): Promise<SchedulingServer> {
    const sink = await startMailSink();
    const server = await startCaldavServer(name, sink.port).catch(async (error: unknown) => {
      await sink.close();
      throw error;
    });
    return new SchedulingServer(name, server, sink, name === 'cyrus' ? 'Default' : 'personal');
  }

  /** Everything that people other than alice could notice, as lines. */
  async effects(): Promise<string[]> {
    // Deliveries in progress arrive.
    await new Promise((resolve) => setTimeout(resolve, 400));
    const lines = this.#sink.mails.map(
      ({ to, text }, number) => `mail ${number} to ${to.join(', ')}: ${/^Subject: .*/im.exec(text)?.[0] ?? ''}`,
    );
    for (const name of (await this.bob.collections()).sort()) {
      const texts = await new DavPerson(
        { username: 'bob', password: 'bob-secret' },
        new URL(`../${name}`, this.bob.url).href,
      ).all();
      lines.push(...[...texts].map(([file, text]) => `${name}${file}: ${unfolded(text).join(' | ')}`).sort());
    }
    return lines;
  }

  /**
   * Attendees of alice's objects, with their answers and SCHEDULE-AGENT, by object name. Without objects created by
   * Calpair.
   */
  async attendees(): Promise<Map<string, string[]>> {
    const all = [...(await this.alice.all())].filter(([name]) => !/^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(name));
    return new Map(
      all.map(([name, text]) => [
        name,
        [
          ...new Set(
            unfolded(text)
              .filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line))
              .map(person),
          ),
        ].sort(),
      ]),
    );
  }

  /**
   * No other person notices anything, and the attendees of alice's own objects stay, except for objects whose names
   * match.
   */
  async assertUnnoticed<T>(what: string, work: () => Promise<T>, mayChange = /^$/): Promise<T> {
    const [before, people] = [await this.effects(), await this.attendees()];
    const result = await work();
    assert.deepEqual(await this.effects(), before, what);
    for (const [name, lines] of await this.attendees())
      if (people.has(name) && !mayChange.test(name))
        assert.deepEqual(lines, people.get(name), `${what}: the people of ${name}`);
    return result;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.#sink.close();
  }
}

function person(line: string): string {
  const agent = /;(SCHEDULE-AGENT=[^;:]+)/.exec(line)?.[1] ?? '';
  const answer = line.startsWith('ATTENDEE') ? (/;(PARTSTAT=[^;:]+)/.exec(line)?.[1] ?? 'PARTSTAT=NEEDS-ACTION') : '';
  return [line.split(/[;:]/)[0], /mailto:(.*)$/i.exec(line)?.[1], answer, agent].join(' ');
}
