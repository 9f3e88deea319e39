/**
 * Attendees as text: a marked block at the end of a description, for sides that would invite real attendees; with the
 * join link of an online meeting that the other side has. The block ends with a tag: a hash of the event's UID and the
 * block, keyed by the installation. A block with any other tag is ordinary text. Each provider decides how it formats a
 * line and how it removes the block again.
 */
import type { Attendee } from './event.ts';

/** Hashes a text with the installation's key (`SideSetting.tag`). */
export type Tag = (text: string) => string;

export const HEADING = '— People —';
/** Of a block with a join link only. */
export const LINK_HEADING = '— Online meeting —';
const JOIN = 'Join: ';
export const ANSWERS: Readonly<Record<Attendee['participation'], string>> = {
  'needs-action': 'no answer yet',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'maybe',
  delegated: 'delegated',
};

/** The line with the join link of an online meeting: the first one of its block. */
export function linkLines(link: string | undefined): string[] {
  return link === undefined || link === '' ? [] : [JOIN + link];
}

/** The join link in the first line of a block; empty where it has none. */
export function linkIn(line: string | undefined): string {
  return line?.startsWith(JOIN) ? line.slice(JOIN.length) : '';
}

/** The block that holds these lines; an empty string if there are no lines. */
export function taggedBlock(lines: readonly string[], uid: string, tag: Tag, hasPeople = true): string {
  if (lines.length === 0) return '';
  const body = [hasPeople ? HEADING : LINK_HEADING, ...lines].join('\n');
  return `${body}\n[calpair ${shortTag(uid, body, tag)}]`;
}

/** The text, followed by the block. */
export function withBlock(text: string, block: string): string {
  if (block === '') return text;
  return text === '' ? block : `${text}\n\n${block}`;
}

/** The tag in the block's last line; `body` is the block without that line. */
export function shortTag(uid: string, body: string, tag: Tag): string {
  return tag(`${uid}\n${body}`).slice(0, 16);
}
