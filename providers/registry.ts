/** Every calendar service that Calpair knows: one line each. */
export { caldav } from './caldav/index.ts';
export { google } from './google/index.ts';
export { microsoft } from './microsoft/index.ts';
