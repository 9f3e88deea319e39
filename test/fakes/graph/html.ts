/**
 * Bodies are stored as HTML, whatever was sent. The returned text differs from the sent one: lines end in CR LF, with
 * one more at the end.
 */

/** A text body as Exchange stores it. */
export function htmlOfText(text: string): string {
  if (text === '') return '';
  const lines = text.replaceAll('\r\n', '\n').split('\n').map(escapeHtml);
  return page(`<div class="PlainText">${lines.join('<br>\r\n')}</div>\r\n`);
}

/** An HTML body as Exchange stores it: a whole page, without scripts. */
export function htmlOfHtml(html: string): string {
  if (html === '') return '';
  const calm = html.replaceAll(/<script\b[\s\S]*?<\/script\s*>/gi, '');
  const body =
    /<body\b[^>]*>([\s\S]*?)<\/body>/i.exec(calm)?.[1] ??
    calm.replaceAll(/<\/?(?:html|body)\b[^>]*>|<head\b[\s\S]*?<\/head>/gi, '');
  return page(body);
}

export function textOfHtml(html: string): string {
  if (html === '') return '';
  const body = /<body\b[^>]*>([\s\S]*)<\/body>/i.exec(html)?.[1] ?? html;
  const text = body
    .replaceAll(/(?<=>|^)[\r\n]+|[\r\n]+(?=<|$)/g, '')
    .replaceAll(/[\r\n]+/g, ' ')
    .replaceAll(/<br\s*\/?>/gi, '\n')
    .replaceAll(/<li\b[^>]*>/gi, '\n* ')
    .replaceAll(/<\/(?:p|div|li|tr|h[1-6]|ul|ol|table)\s*>(?!$)/gi, '\n')
    .replaceAll(/<[^>]+>/g, '');
  return `${unescapeHtml(text).replace(/\n+$/, '')}\n`.replaceAll('\n', '\r\n');
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\u00a0', '&nbsp;');
}

function unescapeHtml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return named[name.toLowerCase()] ?? whole;
      const code = decimal !== undefined ? Number(decimal) : parseInt(hex!, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

function page(body: string): string {
  return (
    `<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; ` +
    `charset=utf-8"></head><body>\r\n${body}</body></html>`
  );
}
