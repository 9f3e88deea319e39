/** Names of zones: Exchange uses Windows names, accepts most IANA names, and returns Windows names. */
import { findIana, findWindows } from 'windows-iana';
import { instantOf, isZone, wallOf } from '../time.ts';
import type { Behaviour } from './behaviour.ts';
import { invalidProperty, unknownZone } from './graph-error.ts';

export interface Zone {
  /** As it comes back in answers. */
  readonly name: string;
  /** Whose rules count. */
  readonly iana: string;
}

/** A wall-clock time in a zone; the wall is what `Date.UTC` gives for it. */
export interface Moment {
  readonly wall: number;
  readonly zone: Zone;
}

export const UTC: Zone = { name: 'UTC', iana: 'UTC' };

/** Fails although it is in the published list (microsoft-graph-docs-contrib#1609). */
const REFUSED = 'Africa/Casablanca';

/** @throws GraphError 400 */
export function readZone(name: unknown, behaviour: Behaviour): Zone {
  if (typeof name !== 'string') throw unknownZone('');
  if (name === 'UTC') return UTC;
  const ofWindows = findIana(name as never, '001')[0];
  if (ofWindows !== undefined) return { name, iana: ofWindows };
  if (name === REFUSED) throw invalidProperty();
  if (!isZone(name) || behaviour.ianaZones === 'refused') throw unknownZone(name);
  return behaviour.zoneNames === 'sent' ? { name, iana: name } : windowsZone(name);
}

function windowsZone(name: string): Zone {
  const canonical = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  const windows = findWindows(name as never)[0] ?? findWindows(canonical as never)[0];
  if (windows === 'UTC') return UTC;
  const iana = windows === undefined ? undefined : findIana(windows, '001')[0];
  return windows === undefined || iana === undefined
    ? { name: 'tzone://Microsoft/Custom', iana: name }
    : { name: windows, iana };
}

export function instant({ wall, zone }: Moment): number {
  return instantOf(wall, zone.iana);
}

export function inZone(at: number, zone: Zone): Moment {
  return { wall: wallOf(at, zone.iana), zone };
}
