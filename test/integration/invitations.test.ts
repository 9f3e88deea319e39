/** The short form; `npm run test:servers` has the long one. */
import { invitations } from '../support/invitations.ts';

for (const name of ['cyrus', 'sogo'] as const) await invitations(name, false);
