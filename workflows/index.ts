/** Root of the workflow bundle: every workflow that a worker can run is exported here. */
export { booking } from './booking.ts';
export { pushChannels } from './push-channels.ts';
export { syncPair } from './sync-pair.ts';
export { watchBookings } from './watch-bookings.ts';
export { webhook } from './webhook.ts';
