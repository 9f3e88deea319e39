/** Switches of the fake, where iCloud's behaviour varies or was reported by one person only. */
export interface Behaviour {
  /** `caldav.icloud.com` redirects everything to the account's partition instead of answering itself. */
  readonly redirects: boolean;
  /** What the partition answers that an account has left. */
  readonly movedAnswer: 301 | 308 | 401 | 404;
  /** Hrefs in answers are whole addresses on `caldav.icloud.com`. */
  readonly commonHrefs: boolean;
  /**
   * Missing properties are in a propstat whose status is empty, and it lists all that were requested (issue
   * dengste/org-caldav#305).
   */
  readonly emptyStatus: boolean;
  /** The ETag in the answer to a PUT; `unless-rewritten` leaves it out where something else was stored. */
  readonly etagOnPut: 'always' | 'unless-rewritten' | 'never';
  /** Objects with an ORGANIZER who is not the account's person are refused (from memory, not measured). */
  readonly refusesOrganizers: boolean;
  /** How a client learns of changes: each value excludes the ways before it. */
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
