/** What two people do in their calendars while the demo runs: edits of every kind that a sync must carry. */
import type { Places } from './pair-on-show.ts';

export async function editAsPeopleWould(places: Places): Promise<void> {
  const { account, titleKey, location } = places.cloud;
  const idOf = (title: string): string => {
    const found = account
      .listLive()
      .find((event) => event[titleKey] === title && event['recurringEventId'] === undefined);
    if (!found) throw new Error(`${title} has not come to ${places.cloud.name}`);
    return found['id'] as string;
  };
  const call = idOf('Call with the team in Kraków 📞');
  // First, so that no run gets between a read and its write.
  await editCaldav(places, 'SUMMARY:Call with the team in Kraków 📞', 'SUMMARY:Call with Kraków\\, both teams 📞');
  await editCaldav(places, 'LOCATION:Room 2', 'LOCATION:Room 3');
  account.patchEvent(call, location('Video'));
  const bins = idOf('Paper bins');
  const day = account.instances(bins).find(({ start }) => JSON.stringify(start).includes('2026-11-12'));
  account.deleteEvent(day?.['id'] as string);
  // Graph's change feed does not tell of a deleted occurrence until something else changes in that series, or for some
  // hours.
  account.patchEvent(bins, location('By the gate'));
  account.deleteEvent(idOf('Dentist'));
}

/** Changes a line of the object that has it, as a CalDAV client would: read, change, write under its ETag. */
async function editCaldav({ radicale, calendarUrl }: Places, line: string, instead: string): Promise<void> {
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
    const { ok, status } = await fetch(url, {
      method: 'PUT',
      headers: { authorization, 'if-match': etag, 'content-type': 'text/calendar; charset=utf-8' },
      body,
    });
    if (!ok) throw new Error(`Radicale answered ${status} to an edit`);
    return;
  }
  throw new Error(`no event in Radicale has the line ${line}`);
}
