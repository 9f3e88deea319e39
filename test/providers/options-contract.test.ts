/** The fields that only some pairs copy, at each service. */
import { caldavSetup } from '../support/contract-caldav.ts';
import { openGoogle } from '../support/contract-google.ts';
import { openGraph } from '../support/contract-graph.ts';
import { optionsContract } from '../support/contract-options.ts';
import { startRadicale } from '../support/dav.ts';

optionsContract(
  'Radicale',
  async () => {
    const server = await startRadicale();
    return caldavSetup(server, await server.createCalendar('work'), () => server.stop());
  },
  { categories: ['Work', 'a, b'] },
);

optionsContract('Google', () => openGoogle(), {});

optionsContract('Microsoft', () => openGraph(), { categories: ['Work', 'a, b'] });
