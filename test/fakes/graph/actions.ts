/**
 * Actions on an event, each a POST: answers, cancellations and forwards exist to mail people.
 */

import type { ApiAnswer } from '../api.ts';
import { isObject } from '../json.ts';
import { deleteEvent } from './events.ts';
import { invalidBody, invalidRequest } from './graph-error.ts';
import { note } from './mail.ts';
import { keysOf } from './recurrence.ts';
import { findRow } from './rows.ts';
import type { Actor, World } from './world.ts';
import { stamp } from './world.ts';

const RESPONSES: Readonly<Record<string, string>> = {
  accept: 'accepted',
  tentativelyAccept: 'tentativelyAccepted',
  decline: 'declined',
};

/** @throws GraphError */
export function runAction(
  world: World,
  actor: Actor,
  { id, action, body }: { id: string; action: string; body: unknown },
): ApiAnswer {
  if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
  const { row } = findRow(world, actor, id);
  const { item, fields, occurrence } = row;
  if (action === 'permanentDelete') {
    deleteEvent(world, actor, id, null);
    return { status: 204 };
  }
  if (action === 'dismissReminder') return { status: 202 };
  const { sendResponse = true, toRecipients } = keysOf(body, [
    'comment',
    'sendResponse',
    'proposedNewTime',
    'toRecipients',
  ]);
  const isOrganizer = item.organizer.address.toLowerCase() === actor.mailbox.email.toLowerCase();
  if (action === 'cancel') {
    if (!isOrganizer)
      throw invalidRequest("Your request can't be completed. You need to be an organizer to cancel a meeting.");
    deleteEvent(world, actor, id, null);
  } else if (action === 'forward') {
    if (!Array.isArray(toRecipients) || toRecipients.length === 0) throw invalidRequest('Recipients are missing.');
    note(
      world,
      actor,
      'forward',
      item,
      toRecipients.map((one: unknown) => JSON.stringify(one)),
    );
  } else {
    if (isOrganizer)
      throw invalidRequest(
        "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.",
      );
    if (sendResponse !== false) note(world, actor, action, item, [item.organizer.address]);
    if (action === 'decline') deleteEvent(world, actor, id, null);
    else {
      const response = RESPONSES[action]!;
      if (occurrence === null) item.state.fields = { ...fields, response };
      else item.state.exceptions.set(occurrence.date, { ...item.state.exceptions.get(occurrence.date), response });
      stamp(world, item, { change: 'updated' });
    }
  }
  return { status: 202 };
}
