/** One CalDAV calendar as a side of a pair. */
import type { CalendarEvent } from '../../core/event.ts';
import { shapedFor } from '../../core/optional-fields.ts';
import { formsOf, HOLDS_ALL } from '../optional-forms.ts';
import type { Found, Side, SideSetting, Stored, Written } from '../provider.ts';
import { giveTurn } from '../reading/reading.ts';
import { mayWrite } from './calendars.ts';
import { readChanges, stillListed } from './changes.ts';
import type { Discovered } from './discovered.ts';
import { BATCH, type Collection, checkCalendar, fetchObjects } from './objects.ts';
import { reader } from './read.ts';
import { createEvent, removeEvent, repairEvent, updateEvent, type Writing } from './write.ts';

export function caldavSide(collection: Collection, setting: SideSetting, discovered: Discovered): Side {
  const read = reader(setting, discovered.addresses);
  const forms = formsOf(setting, HOLDS_ALL);
  const { addresses, autoSchedule, isSogo } = discovered;
  const writing: Writing = { collection, reader: read, setting, addresses, autoSchedule, isSogo };

  async function get(resources: readonly string[]): Promise<Map<string, readonly Found[] | 'gone'>> {
    const found = new Map<string, readonly Found[] | 'gone'>();
    let isCalendarChecked = false;
    for (let start = 0; start < resources.length; start += BATCH) {
      const objects = await fetchObjects(collection, resources.slice(start, start + BATCH));
      for (const [resource, object] of objects) {
        await giveTurn();
        // A missing object proves nothing if the whole calendar is missing.
        if (object === 'missing' && !isCalendarChecked) {
          await checkCalendar(collection);
          isCalendarChecked = true;
        }
        found.set(resource, object === 'missing' ? 'gone' : read.fetched(object));
      }
    }
    return found;
  }

  return {
    writesAtOnce: 8,
    changes: (cursor, stored) => readChanges(collection, cursor, stored, (object) => read.fetched(object)),
    get,
    listed: (resources) => stillListed(collection, resources),
    create: (event: CalendarEvent, key: string, generation: number, original?: string): Promise<Written> =>
      createEvent(writing, shapedFor(event, forms), key, generation, original),
    forms,
    update: (stored: Stored, next: CalendarEvent): Promise<Written> => updateEvent(writing, stored, next),
    remove: (stored: Stored): Promise<void> => removeEvent(writing, stored),
    repair: (stored: Stored): Promise<boolean> => repairEvent(writing, stored),
    isWritable: () => mayWrite(collection.client, collection.url),
    read: (stored: Stored): Found => read.stored(stored),
    // iCalendar supports everything in a canonical event.
    unsupported: () => null,
  };
}
