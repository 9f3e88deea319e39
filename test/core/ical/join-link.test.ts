/** The join link of an online meeting, as calendar programs write it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readObject } from '../../../core/ical/object.ts';
import { at, object } from '../../support/ics.ts';

for (const [lines, own] of [
  [[], ''],
  [
    ['CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL="A, B":https://a.example/x?b=1&c=2'],
    'https://a.example/x?b=1&c=2',
  ],
  [['CONFERENCE;VALUE=URI;FEATURE=PHONE:tel:+49123', 'CONFERENCE;VALUE=URI:https://a.example'], 'https://a.example'],
  [
    ['CONFERENCE;FEATURE=PHONE:https://phone.example', 'CONFERENCE;FEATURE=VIDEO:https://video.example'],
    'https://video.example',
  ],
  [['X-GOOGLE-CONFERENCE:https://meet.google.com/abc'], 'https://meet.google.com/abc'],
  [['X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.example/l/1'], 'https://teams.example/l/1'],
  [['CONFERENCE:javascript:alert(1)', 'CONFERENCE:https://a b'], ''],
  [['URL:https://a.example', 'DESCRIPTION:https://a.example'], ''],
] as const)
  it(`is ${own || 'none'} in ${lines.join(' | ') || 'a plain event'}`, () => {
    const text = object('u1', [...at('20270113T090000'), 'SUMMARY:A', ...lines]);
    const setting = { floatingZone: 'UTC', fields: ['conference'] } as const;
    assert.deepEqual(readObject(text, setting).events[0]?.event?.conference, { own, shown: '' });
  });
