/** Types of columns. */
import { customType, timestamp } from 'drizzle-orm/pg-core';

/** Bytes of the vault (vault.ts). */
export const sealed = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' });
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 });
