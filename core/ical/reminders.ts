/**
 * Display alarms before or after the start (RFC 5545 3.6.6), as seconds before it. All other alarms stay as they are:
 * those that play a sound or send mail, ring at one point of time or relative to the end, and those that put off
 * another one (RFC 9074 section 5).
 */
import { formatDuration } from './duration-text.ts';
import { removeLines, replaceLine } from './edit.ts';
import type { Component } from './text.ts';
import { components, eolOf, findLine, findLines, foldedLine, parameterValue, rawValue, withValue } from './text.ts';
import { parseDuration } from './time.ts';

/** Ascending, each once; negative: after the start. A day counts as 24 hours. */
export function readReminders(event: Component): number[] {
  return [...new Set(alarmsOf(event).map(({ seconds }) => seconds))].sort((a, b) => a - b);
}

/** Changes, removes and adds alarms; those that stay do not change, whether they were seen or not. */
export function writeReminders(event: Component, next: readonly number[]): void {
  const alarms = alarmsOf(event).sort((a, b) => a.seconds - b.seconds);
  const left = alarms.filter(({ seconds }) => !next.includes(seconds));
  const added = next.filter((seconds) => alarms.every((alarm) => alarm.seconds !== seconds));
  for (const [at, { alarm }] of left.entries()) {
    removeSnoozes(event, alarm);
    const seconds = added[at];
    if (seconds === undefined) event.items.splice(event.items.indexOf(alarm), 1);
    else setTrigger(alarm, seconds);
  }
  for (const seconds of added.slice(left.length)) event.items.push(newAlarm(seconds, eolOf(event)));
}

interface Alarm {
  readonly alarm: Component;
  readonly seconds: number;
}

function alarmsOf(event: Component): Alarm[] {
  return components(event, 'VALARM').flatMap((alarm) => {
    const seconds = secondsBefore(alarm);
    return seconds === null ? [] : [{ alarm, seconds }];
  });
}

function secondsBefore(alarm: Component): number | null {
  const [action, trigger] = [findLine(alarm, 'ACTION'), findLine(alarm, 'TRIGGER')];
  if (!action || !trigger || alarm.end === null || rawValue(action).toUpperCase() !== 'DISPLAY') return null;
  const parameter = (name: string, usual: string): string => (parameterValue(trigger, name) ?? usual).toUpperCase();
  if (parameter('VALUE', 'DURATION') !== 'DURATION' || parameter('RELATED', 'START') !== 'START') return null;
  if (findLine(alarm, 'RELATED-TO')) return null;
  try {
    const { days, seconds } = parseDuration(rawValue(trigger));
    return -(days * DAY_SECONDS + seconds) || 0;
  } catch {
    return null;
  }
}

const DAY_SECONDS = 86_400;

/** What a program noted about the alarm at its former time. */
const STATE = /^(?:ACKNOWLEDGED|X-MOZ-(?:LASTACK|SNOOZE).*|X-APPLE-DEFAULT-ALARM)$/;

function setTrigger(alarm: Component, seconds: number): void {
  const trigger = findLine(alarm, 'TRIGGER')!;
  replaceLine(alarm, trigger, withValue(trigger.text, formatTrigger(seconds)));
  removeLines(alarm, ({ name }) => STATE.test(name));
}

/** Alarms that put off this one (RFC 9074 section 5.2). */
function removeSnoozes(event: Component, alarm: Component): void {
  const ids = findLines(alarm, 'UID').map(rawValue);
  const isSnooze = (other: Component): boolean =>
    findLines(other, 'RELATED-TO').some((line) => ids.includes(rawValue(line)));
  for (const snooze of components(event, 'VALARM').filter(isSnooze)) event.items.splice(event.items.indexOf(snooze), 1);
}

function newAlarm(seconds: number, eol: string): Component {
  const line = (text: string) => foldedLine(text, eol);
  return {
    name: 'VALARM',
    begin: line('BEGIN:VALARM'),
    // RFC 5545 3.6.6: a display alarm has a text.
    items: [line('ACTION:DISPLAY'), line(`TRIGGER:${formatTrigger(seconds)}`), line('DESCRIPTION:Reminder')],
    end: line('END:VALARM'),
  };
}

function formatTrigger(before: number): string {
  const all = Math.abs(before);
  const days = Math.floor(all / DAY_SECONDS);
  const time = formatDuration(all % DAY_SECONDS);
  const text = days === 0 ? time : `P${days}D${all % DAY_SECONDS === 0 ? '' : time.slice(1)}`;
  return `${before > 0 ? '-' : ''}${text}`;
}
