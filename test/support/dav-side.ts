/** One calendar of a CalDAV server, opened as the product does, and one poll of it. */
import assert from 'node:assert/strict';
import type { Found, Side, SideSetting } from '../../providers/provider.ts';
import { StoredState } from './contract.ts';
import { openAccount, SETTING } from './contract-caldav.ts';
import { type FakeDav, fakeDav, type Oddities } from './fake-dav.ts';

export interface OpenSide {
  readonly dav: FakeDav;
  readonly side: Side;
  readonly stored: StoredState;
}

export async function openFake(oddities: Oddities = {}, setting: Partial<SideSetting> = {}): Promise<OpenSide> {
  const dav = await fakeDav(oddities);
  const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' });
  dav.log.length = 0;
  return { dav, side: account.side(dav.calendar, { ...SETTING, ...setting }), stored: new StoredState() };
}

export interface Polled {
  readonly found: readonly Found[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  readonly cursor: string;
  readonly full: boolean;
}

/** All pages of one poll; what it finds is stored. */
export async function pollSide(
  { side, stored }: Pick<OpenSide, 'side' | 'stored'>,
  cursor: string | null,
): Promise<Polled> {
  const all = { found: [] as Found[], unchanged: [] as string[], removed: [] as string[], cursor: '', full: false };
  for await (const page of side.changes(cursor, stored)) {
    all.found.push(...page.found);
    all.unchanged.push(...page.unchanged);
    all.removed.push(...page.removed);
    if (page.end) Object.assign(all, page.end);
  }
  for (const found of all.found) stored.keep(found);
  return all;
}

/** Titles, or the code of the problem of an event that cannot be read; sorted. */
export function shown(found: readonly Found[]): string[] {
  return found.map(({ event, problems }) => event?.title ?? `(${problems[0]?.code})`).sort();
}

export async function getOne(side: Side, resource: string): Promise<Found> {
  const found = (await side.get([resource])).get(resource);
  assert.ok(found !== undefined && found !== 'gone' && found[0]);
  return found[0];
}
