/** The attendee text in an HTML description that a person wrote: it changes, and all else in the HTML stays. */
import type { Tag } from '../core/attendee-text.ts';
import { headingOf, withoutAttendeeText } from './attendee-text.ts';
import { breaksLine, decode, htmlToText } from './text.ts';

/**
 * The HTML with `block` in place of the attendee text in it, line by line; null where it has none, or where the rest
 * would read otherwise then.
 * @param uids one of them is the event's, by which the text is tagged
 */
export function replaceBlock(html: string, block: string, uids: readonly string[], tag: Tag): string | null {
  const tokens = [...tokensOf(html)];
  const lines = linesOf(tokens);
  const texts = lines.map(({ text }) => text.trim());
  for (let end = lines.length - 1; end > 0; end -= 1) {
    const heading = headingOf(texts, end, uids, tag);
    if (heading === null) continue;
    const old = lines.slice(heading, end + 1);
    const next = block.split('\n');
    const tagLine = next.pop();
    for (const [at, { slots, ends }] of old.entries()) {
      // What is more than before comes before the last line, the tag.
      const line =
        at === old.length - 1 ? tagLine : next.slice(at, at === old.length - 2 ? undefined : at + 1).join('\n');
      const [first = 0, ...others] = slots;
      for (const other of [...others, ...linksIn(tokens, slots), ...(line ? [] : ends)]) tokens[other] = '';
      tokens[first] = escapeHtml(line ?? '').replaceAll('\n', '<br>');
    }
    const changed = tokens.join('');
    const restOf = (all: string): string => withoutAttendeeText(htmlToText(all), uids, tag).trim();
    return restOf(changed) === restOf(html) ? changed : null;
  }
  return null;
}

/** The links that an editor made of addresses in the line. */
function linksIn(tokens: readonly string[], slots: readonly number[]): number[] {
  const from = slots[0]! + 1;
  const inside = tokens.slice(from, slots.at(-1)! + 2).map((token, at) => ({ token, at: from + at }));
  const [begins, ends] = [/^<a\b/i, /^<\/a\b/i].map((tag) => inside.filter(({ token }) => tag.test(token)));
  return begins!.length === ends!.length ? [...begins!, ...ends!].map(({ at }) => at) : [];
}

/** Tags, line ends, and the texts between them. */
function* tokensOf(html: string): Generator<string> {
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at);
    const close = open < 0 ? -1 : html.indexOf('>', open);
    yield* html
      .slice(at, close < 0 ? html.length : open)
      .split(/(\r?\n)/)
      .filter((token) => token !== '');
    if (close < 0) return;
    yield html.slice(open, close + 1);
    at = close + 1;
  }
}

/** A line that is not blank, with the tokens that are its text, and those around it that go if it does. */
interface Line {
  readonly text: string;
  readonly slots: readonly number[];
  readonly ends: number[];
}

function linesOf(tokens: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [text, slots]: [string, number[]] = ['', []];
  for (const [at, token] of [...tokens, '\n'].entries()) {
    if (!breaksLine(token)) {
      if (token.startsWith('<')) continue;
      text += decode(token);
      slots.push(at);
    } else {
      if (text.trim() !== '')
        lines.push({ text: text.replaceAll('\u00a0', ' '), slots, ends: endsOf(tokens, slots, at) });
      // The line end in the source after a <br>.
      else if (/^<br\b/i.test(tokens[at - 1] ?? '') && !token.startsWith('<')) lines.at(-1)?.ends.push(at);
      [text, slots] = ['', []];
    }
  }
  return lines;
}

/** The <br> or line end after the text, or the paragraph that holds nothing else. */
function endsOf(tokens: readonly string[], [first = 0]: readonly number[], at: number): number[] {
  const name = /^<\/(\w+)/.exec(tokens[at] ?? '')?.[1];
  if (name === undefined) return /^<(?!br\b)/i.test(tokens[at] ?? '') ? [] : [at];
  return tokens[first - 1]?.startsWith(`<${name}`) === true ? [first - 1, at] : [];
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
