/** Whether a text is the address of an online meeting that can be shown on a line of its own. */
export function isJoinLink(text: unknown): text is string {
  return typeof text === 'string' && /^https?:\/\/[^\s<>"\u00a0]{1,2000}$/i.test(text);
}
