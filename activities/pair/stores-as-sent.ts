/**
 * Whether a server stores objects as they are sent to it: then the ETag in its answer names what was sent, and confirms
 * the write (RFC 4791 section 5.3.4 wants no strong ETag where it does not). A server has to be seen to do so first,
 * and every 50th write is still read back.
 */
import type { SideName } from '../../core/event.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { Store } from '../../db/store.ts';
import type { Found, Written } from '../../providers/provider.ts';
import { currentOf } from './observe.ts';

const READ_EVERY = 50;

/** By side: writes that were confirmed by their version since one was last read back; absent: nothing is known. */
export type StoresAsSent = Partial<Record<SideName, number>>;

/** The write with what its answer confirms, which is counted in `known`. */
export function confirmedByVersion<W extends Written>(known: StoresAsSent, side: SideName, written: W): W {
  const count = known[side];
  if (written.confirmed || written.namesVersion !== true || count === undefined) return written;
  const isSample = count + 1 >= READ_EVERY;
  known[side] = isSample ? 0 : count + 1;
  return isSample ? written : { ...written, confirmed: true };
}

/** Learns from writes that are read back. */
export function learn(
  known: StoresAsSent,
  store: Store,
  side: SideName,
  read: readonly { readonly row: SideRow; readonly answer: Found }[],
): void {
  const unedited = read.filter(({ row, answer }) => row.version !== null && row.version === answer.version);
  if (unedited.length === 0) return;
  const isAsSent = unedited.every(({ row, answer }) => sameText(currentOf(store, row)?.data, answer.data));
  if (!isAsSent) delete known[side];
  else known[side] ??= 0;
}

/** XML turns line ends into LF. */
function sameText(sent: string | undefined, stored: string): boolean {
  const lines = (text: string): string => text.replace(/\r\n?/g, '\n').trim();
  return sent !== undefined && lines(sent) === lines(stored);
}
