/**
 * The `due_at` of bookings and booked calendars: when their workflow is notified again, in case it does not handle them
 * first.
 */

/** Enough for the workflow to be notified, and for one write. */
export const SOON_MS = 30_000;
const LATER_MS = 5 * 60_000;

export const dueSoon = (now: Date): Date => new Date(now.getTime() + SOON_MS);
export const dueLater = (now: Date): Date => new Date(now.getTime() + LATER_MS);
