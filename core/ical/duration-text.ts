/** The text of a DURATION without days (RFC 5545 3.3.6): a day has 23 to 25 hours, so hours never become days. */

/** `PT1H30M`; at least `PT0S`. */
export function formatDuration(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (seconds === 0) return 'PT0S';
  // The grammar has no seconds right after hours.
  const isBetween = hours > 0 && rest > 0;
  return `PT${hours ? `${hours}H` : ''}${minutes || isBetween ? `${minutes}M` : ''}${rest ? `${rest}S` : ''}`;
}
