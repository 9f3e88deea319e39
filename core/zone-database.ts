/**
 * The time zone database that ships with Calpair. Every offset and every written VTIMEZONE comes from it, so that two
 * parts of the program never disagree about an hour.
 *
 * Source: the packed data of moment-timezone, made from the IANA releases: the whole history of each zone and its
 * transitions until the year 2499. The release script compares its version with the newest one.
 */
import packed from 'moment-timezone/data/packed/latest.json' with { type: 'json' };

/** IANA release, such as `2026f`. */
export const ZONE_DATABASE_VERSION: string = packed.version;

/** A change of offset. */
export interface Transition {
  /** Instant, ms since the epoch. */
  readonly at: number;
  /** Added to UTC before it, and from then on; ms. */
  readonly from: number;
  readonly to: number;
  /** The abbreviation from then on, such as `CEST`. */
  readonly name: string;
}

export interface ZoneHistory {
  /** Added to UTC before the first transition (local mean time); ms. */
  readonly firstOffset: number;
  readonly firstName: string;
  /** In order of time. */
  readonly transitions: readonly Transition[];
}

/** Names as the IANA database spells them, links included. */
export function zoneNames(): readonly string[] {
  return [...sources().keys()];
}

/** The zone that a link means; the name itself for what is no link. */
export function linkTarget(name: string): string {
  return targets().get(name) ?? name;
}

/** @throws RangeError for a name that `zoneNames` does not have */
export function zoneHistory(name: string): ZoneHistory {
  const target = linkTarget(name);
  const known = histories.get(target);
  if (known) return known;
  const source = sources().get(target);
  if (source === undefined) throw new RangeError('not a time zone');
  const history = unpack(source);
  histories.set(target, history);
  return history;
}

/** What a zone adds to UTC at an instant; ms. @throws RangeError for what is no zone */
export function zoneOffsetAt(ms: number, name: string): number {
  const { firstOffset, transitions } = zoneHistory(name);
  const next = indexAfter(transitions, ms);
  return next === 0 ? firstOffset : transitions[next - 1]!.to;
}

/** The changes of offset from one instant up to, but not at, another one. @throws RangeError for what is no zone */
export function transitionsBetween(name: string, from: number, to: number): readonly Transition[] {
  const { transitions } = zoneHistory(name);
  return transitions.slice(indexAfter(transitions, from - 1), indexAfter(transitions, to - 1));
}

const MINUTE_MS = 60_000;
const histories = new Map<string, ZoneHistory>();
let sourcesByName: Map<string, string> | undefined;
let targetsByLink: Map<string, string> | undefined;

/** The index of the first transition after an instant. */
function indexAfter(transitions: readonly Transition[], ms: number): number {
  let [low, high] = [0, transitions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (transitions[middle]!.at <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The packed text of each name; of a link that of its target. */
function sources(): Map<string, string> {
  if (sourcesByName) return sourcesByName;
  sourcesByName = new Map(packed.zones.map((zone) => [zone.slice(0, zone.indexOf('|')), zone]));
  for (const [link, target] of targets()) sourcesByName.set(link, sourcesByName.get(target)!);
  return sourcesByName;
}

function targets(): Map<string, string> {
  targetsByLink ??= new Map(packed.links.map((link) => link.split('|').reverse() as [string, string]));
  return targetsByLink;
}

/** `name|abbreviations|offsets|indices|differences|population`: numbers in base 60, minutes; offsets count westward. */
function unpack(source: string): ZoneHistory {
  const [, names = '', offsets = '', indices = '', differences = ''] = source.split('|');
  const abbreviations = names.split(' ');
  const added = offsets.split(' ').map((offset) => -Math.round(fromBase60(offset) * MINUTE_MS) || 0);
  const periods = [...indices].map(digitOf);
  const transitions: Transition[] = [];
  let at = 0;
  for (const [index, difference] of (differences === '' ? [] : differences.split(' ')).entries()) {
    at += Math.round(fromBase60(difference) * MINUTE_MS);
    const [before, after] = [periods[index]!, periods[index + 1]!];
    transitions.push({ at, from: added[before]!, to: added[after]!, name: abbreviations[after]! });
  }
  const first = periods[0] ?? 0;
  return { firstOffset: added[first]!, firstName: abbreviations[first]!, transitions };
}

function fromBase60(text: string): number {
  const isNegative = text.startsWith('-');
  const [whole = '', fraction = ''] = text.slice(isNegative ? 1 : 0).split('.');
  let value = 0;
  for (const digit of whole) value = value * 60 + digitOf(digit);
  let unit = 1;
  for (const digit of fraction) {
    unit /= 60;
    value += digitOf(digit) * unit;
  }
  return isNegative ? -value : value;
}

/** `0` to `9`, `a` to `z`, `A` to `X`. */
function digitOf(digit: string): number {
  const code = digit.charCodeAt(0);
  return code > 96 ? code - 87 : code > 64 ? code - 29 : code - 48;
}
