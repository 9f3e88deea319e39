/** Numbers, plurals and spans of time in words. */

export const number = (n) => n.toLocaleString('en');

/** "1 event", "12 events" */
export function count(n, one, many = `${one}s`) {
  return `${number(n)} ${n === 1 ? one : many}`;
}

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];
/** The largest unit of which it is a whole number. */
const unitOf = (seconds) => UNITS.find(([size]) => seconds % size === 0);

/** "every 5 minutes" */
export function interval(seconds) {
  const [size, name] = unitOf(seconds);
  return seconds === size ? `every ${name}` : `every ${count(seconds / size, name)}`;
}

/** Of seconds before the start; negative: after it. "15 minutes before" */
export function reminder(seconds) {
  if (seconds === 0) return 'at the start';
  const [size, name] = unitOf(seconds);
  return `${count(Math.abs(seconds) / size, name)} ${seconds > 0 ? 'before' : 'after the start'}`;
}

/** Relative to now: "12 s ago", "in 4 min". */
export function fromNow(seconds) {
  if (seconds > 0) return `in ${span(seconds)}`;
  return seconds > -2 ? 'just now' : `${span(-seconds)} ago`;
}

export function duration(ms) {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : span(Math.round(ms / 1000));
}

function span(seconds) {
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
