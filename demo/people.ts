/** What two people do in their calendars while the demo runs: edits of every kind that a sync must carry. */
import type { DavServer } from '../test/support/dav.ts';
import type { GoogleAccount } from '../test/support/google/account.ts';

export interface Calendars {
  readonly radicale: DavServer;
  readonly account: GoogleAccount;
  readonly calendarUrl: string;
}

export async function editAsPeopleWould(calendars: Calendars): Promise<void> {
  const { account } = calendars;
  const find = (summary: string) => {
    const event = account.listLive().find((item) => item['summary'] === summary && item['recurringEventId'] === undefined);
    return event?.['id'] as string | undefined;
  };
  const call = find('Call with the team in Kraków 📞');
  if (call) account.patchEvent(call, { location: 'Video' });
  const bins = find('Paper bins');
  if (bins) account.deleteEvent(`${bins}_20261112`);
  const dentist = find('Dentist');
  if (dentist) account.deleteEvent(dentist);
  console.log('  in Google    the call gets a location, one paper-bin day is removed, the dentist is deleted');
  await editCaldav(calendars, 'SUMMARY:Call with the team in Kraków 📞', 'SUMMARY:Call with Kraków\\, both teams 📞');
  await editCaldav(calendars, 'LOCATION:Room 2', 'LOCATION:Room 3');
  console.log('  in Radicale  the same call gets another title, the stand-up moves to another room');
}

/** Changes a line of the object that has it, as a CalDAV client would: read, change, write under its ETag. */
async function editCaldav({ radicale, calendarUrl }: Calendars, line: string, instead: string): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${radicale.username}:${radicale.password}`).toString('base64')}`;
  const listing = await fetch(calendarUrl, { method: 'PROPFIND', headers: { authorization, depth: '1' } });
  const hrefs = [...(await listing.text()).matchAll(/<(?:\w+:)?href>([^<]+\.ics)<\//g)].map((match) => match[1] ?? '');
  for (const href of hrefs) {
    const url = new URL(href, calendarUrl);
    const answer = await fetch(url, { headers: { authorization } });
    const text = await answer.text();
    if (!text.includes(`${line}\r\n`) && !text.includes(`${line}\n`)) continue;
    const etag = answer.headers.get('etag') ?? '';
    const body = text.replaceAll(line, instead);
    await fetch(url, { method: 'PUT', headers: { authorization, 'if-match': etag, 'content-type': 'text/calendar; charset=utf-8' }, body });
    return;
  }
}
