/** What people change in both calendars of a pair while the demo runs: edits of every kind that a sync copies. */
import type { PairCalendars } from './demo-pair.ts';

export async function editCalendars(calendars: PairCalendars): Promise<void> {
  const { account, titleKey, location } = calendars.cloud;
  const idOf = (title: string): string => {
    const found = account
      .listLive()
      .find((event) => event[titleKey] === title && event['recurringEventId'] === undefined);
    if (!found) throw new Error(`${title} is missing in ${calendars.cloud.name}`);
    return found['id'] as string;
  };
  const call = idOf('Call with the team in Kraków 📞');
  // First, so that no run comes between a read and its write.
  await editCaldav(calendars, 'SUMMARY:Call with the team in Kraków 📞', 'SUMMARY:Call with Kraków\\, both teams 📞');
  await editCaldav(calendars, 'LOCATION:Room 2', 'LOCATION:Room 3');
  account.patchEvent(call, location('Video'));
  const bins = idOf('Paper bins');
  const day = account.instances(bins).find(({ start }) => JSON.stringify(start).includes('2026-11-12'));
  account.deleteEvent(day?.['id'] as string);
  // Graph's change feed does not report a deleted occurrence until something else changes in that series, or for hours.
  account.patchEvent(bins, location('By the gate'));
  account.deleteEvent(idOf('Dentist'));
}

/** Replaces a line of an event, as a CalDAV client would: read, change, write with the ETag as precondition. */
async function editCaldav({ radicale, calendarUrl }: PairCalendars, line: string, newLine: string): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${radicale.username}:${radicale.password}`).toString('base64')}`;
  const listing = await fetch(calendarUrl, { method: 'PROPFIND', headers: { authorization, depth: '1' } });
  const hrefs = [...(await listing.text()).matchAll(/<(?:\w+:)?href>([^<]+\.ics)<\//g)].map((match) => match[1] ?? '');
  for (const href of hrefs) {
    const url = new URL(href, calendarUrl);
    const answer = await fetch(url, { headers: { authorization } });
    const text = await answer.text();
    if (!text.includes(`${line}\r\n`) && !text.includes(`${line}\n`)) continue;
    const etag = answer.headers.get('etag') ?? '';
    const body = text.replaceAll(line, newLine);
    const { ok, status } = await fetch(url, {
      method: 'PUT',
      headers: { authorization, 'if-match': etag, 'content-type': 'text/calendar; charset=utf-8' },
      body,
    });
    if (!ok) throw new Error(`Radicale returned ${status} for an edit`);
    return;
  }
  throw new Error(`No event in Radicale has the line ${line}`);
}
