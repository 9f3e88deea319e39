/** A multistatus that is read in another thread. It comes back as JSON: a text crosses much faster than objects do. */
import { SyncError } from '../../core/sync-error.ts';
import { TookTooLong } from '../reading/pool.ts';
import { readApart } from '../reading/reading.ts';
import { type Body, type Member, type Multistatus, readMultistatus } from './xml.ts';

type Parsed = { readonly json: string } | { readonly error: string };

/** For the other thread. */
export function multistatusToJson(body: Body): Parsed {
  try {
    const { members, syncToken } = readMultistatus(body);
    return { json: JSON.stringify({ syncToken, members: members.map((one) => ({ ...one, props: [...one.props] })) }) };
  } catch (error) {
    if (error instanceof SyncError) return { error: error.message };
    throw error;
  }
}

/**
 * As `readMultistatus`.
 * @param owner whose text it is
 * @throws SyncError `unreachable`, `too-large` where reading takes too long
 */
export async function readLongMultistatus({ bytes, charset }: Body, owner: string): Promise<Multistatus> {
  let parsed: Parsed;
  try {
    parsed = (await readApart('multistatus', { bytes, charset }, owner, bytes.length)) as Parsed;
  } catch (error) {
    if (error instanceof TookTooLong) throw new SyncError('too-large', 'the answer takes too long to read');
    throw error;
  }
  if ('error' in parsed) throw new SyncError('unreachable', parsed.error, { status: 207 });
  const { members, syncToken } = JSON.parse(parsed.json) as {
    members: (Omit<Member, 'props'> & { props: [string, never][] })[];
    syncToken: string | null;
  };
  return { syncToken, members: members.map((one) => ({ ...one, props: new Map(one.props) })) };
}
