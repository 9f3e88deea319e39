/** The long form, step by step, on the servers that send invitations. */
import { invitations } from '../support/invitations.ts';

for (const name of ['cyrus', 'sogo'] as const) await invitations(name, true);
