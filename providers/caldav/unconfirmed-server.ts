import { SyncError, type SyncErrorOptions } from '../../core/sync-error.ts';

/**
 * The service is at a host of another registrable domain than the one that was typed. It gets no credentials before a
 * person has confirmed it, which is to enter its address.
 */
export class UnconfirmedServer extends SyncError {
  readonly address: URL;

  constructor(address: URL, kind: 'unreachable' | 'not-a-caldav-server', options: SyncErrorOptions = {}) {
    super(kind, 'the calendars are on a host that must not get the credentials', options);
    this.address = address;
  }
}
