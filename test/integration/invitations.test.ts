/** The short form, on Cyrus; `npm run test:servers` has the long one, and SOGo. */
import { invitations } from '../support/invitations.ts';

await invitations('cyrus', false);
