/** The fields that only some pairs copy, at each service. */
import { caldavSetup } from '../support/contract-caldav.ts';
import { openGoogle } from '../support/contract-google.ts';
import { openGraph } from '../support/contract-graph.ts';
import { optionsContract } from '../support/contract-options.ts';
import { startRadicale } from '../support/dav.ts';

const LINK = { own: '', shown: 'https://meet.example.com/a?pwd=b&x=c' };

optionsContract(
  'Radicale',
  async () => {
    const server = await startRadicale();
    return caldavSetup(server, await server.createCalendar('work'), () => server.stop());
  },
  { categories: ['Work', 'a, b'], reminders: [0, 600, 3600, 86_400], conference: LINK },
);

optionsContract('Google', () => openGoogle(), { reminders: [0, 600, 3600, 86_400], conference: LINK });

optionsContract('Microsoft', () => openGraph(), { categories: ['Work', 'a, b'], reminders: [0], conference: LINK });
