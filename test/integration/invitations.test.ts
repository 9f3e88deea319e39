/** The short form, on Cyrus; `npm run test:servers` runs the long form, and SOGo. */
import { invitations } from '../support/invitations.ts';

await invitations('cyrus', false);
