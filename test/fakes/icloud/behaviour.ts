/**
 * In what the stand-in may be told to be different, where iCloud's way is not the same at all times or was reported by
 * one person only.
 */
export interface Behaviour {
  /** `caldav.icloud.com` sends everything on to the account's partition, in place of answering by itself. */
  readonly redirects: boolean;
  /** What the partition answers that an account has left. */
  readonly movedAnswer: 301 | 308 | 401 | 404;
  /** Hrefs in answers are whole addresses on `caldav.icloud.com`. */
  readonly commonHrefs: boolean;
  /**
   * Properties that are missing stand in a propstat whose status is empty, and it lists all that were asked for (issue
   * dengste/org-caldav#305).
   */
  readonly emptyStatus: boolean;
  /** The ETag in the answer to a PUT; `unless-rewritten` leaves it out where something else was stored. */
  readonly etagOnPut: 'always' | 'unless-rewritten' | 'never';
  /** Objects with an ORGANIZER who is not the account's person are refused (from memory, nobody measured it). */
  readonly refusesOrganizers: boolean;
  /** How a client learns of changes: later ways are there with the earlier ones missing. */
  readonly changes: 'sync' | 'ctag' | 'etags';
}

export const USUAL: Behaviour = {
  redirects: false,
  movedAnswer: 401,
  commonHrefs: false,
  emptyStatus: false,
  etagOnPut: 'always',
  refusesOrganizers: false,
  changes: 'sync',
};
