/** Step by step, on the servers that schedule. */
import { invitations } from '../support/invitations.ts';

for (const name of ['cyrus', 'sogo'] as const) await invitations(name, true);
