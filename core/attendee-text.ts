/**
 * People as text: a marked block at the end of a description, for sides that would invite real attendees. It ends with
 * a tag keyed by the installation over the event's UID and the block; with any other tag it is ordinary text. What a
 * line says and how a block is taken off is each side's own.
 */
import type { Attendee } from './event.ts';

/** Keyed by the installation (`SideSetting.tag`). */
export type Tag = (text: string) => string;

export const HEADING = '— People —';
export const ANSWERS: Readonly<Record<Attendee['participation'], string>> = {
  'needs-action': 'no answer yet',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'maybe',
  delegated: 'delegated',
};

/** The block of these lines; the empty string where there are none. */
export function taggedBlock(lines: readonly string[], uid: string, tag: Tag): string {
  if (lines.length === 0) return '';
  const body = [HEADING, ...lines].join('\n');
  return `${body}\n[calpair ${shortTag(uid, body, tag)}]`;
}

/** The text with the block below it. */
export function withBlock(text: string, block: string): string {
  if (block === '') return text;
  return text === '' ? block : `${text}\n\n${block}`;
}

/** What stands in the block's last line; `body` is the block without it. */
export function shortTag(uid: string, body: string, tag: Tag): string {
  return tag(`${uid}\n${body}`).slice(0, 16);
}
