import { defineConfig } from 'drizzle-kit';

const config = defineConfig({
  dialect: 'postgresql',
  schema: [
    './db/schema.ts',
    './db/access-schema.ts',
    './db/booking-schema.ts',
    './db/history-schema.ts',
    './db/lease-schema.ts',
    './db/push-schema.ts',
  ],
  out: './db/migrations',
});

export { config as default };
