/** The join link of an online meeting: CONFERENCE (RFC 7986 5.11), or what programs wrote before it existed. */
import { isJoinLink } from '../join-link.ts';
import type { Component } from './text.ts';
import { findLines, parameterValue, rawValue } from './text.ts';

const OLDER = [
  'X-GOOGLE-CONFERENCE',
  'X-MICROSOFT-SKYPETEAMSMEETINGURL',
  'X-MICROSOFT-ONLINEMEETINGEXTERNALLINK',
  'X-MICROSOFT-ONLINEMEETINGCONFLINK',
];

/** Empty where there is none; a video meeting before a telephone number's page. */
export function readJoinLink(event: Component): string {
  const isVideo = (features: string | undefined): boolean => /VIDEO/i.test(features ?? '');
  const conferences = findLines(event, 'CONFERENCE')
    .map((line) => ({ link: rawValue(line), rank: isVideo(parameterValue(line, 'FEATURE')) ? 0 : 1 }))
    .sort((a, b) => a.rank - b.rank);
  const links = [
    ...conferences.map(({ link }) => link),
    ...OLDER.flatMap((name) => findLines(event, name)).map(rawValue),
  ];
  return links.find(isJoinLink) ?? '';
}
