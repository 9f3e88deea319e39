/** `POST /batch/calendar/v3`: several requests in one, each with an answer of its own. */
import type { ApiAnswer, ApiRequest } from '../api.ts';

export interface BatchPart {
  readonly contentId: string | null;
  readonly request: ApiRequest;
}

const MOST_PARTS = 1000;

/** Null when the body is not a batch. Parts take the batch's Authorization where they have none. */
export function parseBatch(request: ApiRequest): BatchPart[] | null {
  const boundary = /^multipart\/mixed;.*boundary="?([^";]+)"?/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) return null;
  const texts = request.body.split(`--${boundary}`).slice(1, -1);
  if (texts.length === 0 || texts.length > MOST_PARTS) return null;
  const parts: BatchPart[] = [];
  for (const text of texts) {
    const [outer, head, body] = sections(text.replace(/^\r?\n/, ''));
    const [line, ...headerLines] = (head ?? '').split(/\r?\n/);
    const match = /^([A-Z]+) (\S+)/.exec(line ?? '');
    if (match === null) return null;
    const url = new URL(match[2]!, 'http://fake');
    const { authorization } = request.headers;
    const headers = { ...(authorization === undefined ? {} : { authorization }), ...parseHeaders(headerLines) };
    parts.push({
      contentId: parseHeaders((outer ?? '').split(/\r?\n/))['content-id'] ?? null,
      request: { method: match[1]!, path: url.pathname, search: url.searchParams, headers, body: (body ?? '').trim() },
    });
  }
  return parts;
}

export function showBatch(answers: readonly { part: BatchPart; answer: ApiAnswer }[]): ApiAnswer {
  const boundary = 'batch_stand-in';
  const texts = answers.map(({ part, answer }) => {
    const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
    const id =
      part.contentId === null
        ? ''
        : `Content-ID: ${part.contentId.replace(/^<?/, '<response-').replace(/>?$/, '>')}\r\n`;
    const headers = Object.entries(answer.headers ?? {})
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    return (
      `--${boundary}\r\nContent-Type: application/http\r\n${id}\r\nHTTP/1.1 ${answer.status} ` +
      `Answer\r\nContent-Type: application/json; charset=UTF-8\r\n${headers}\r\n${body}\r\n`
    );
  });
  return {
    status: 200,
    body: `${texts.join('')}--${boundary}--\r\n`,
    headers: { 'Content-Type': `multipart/mixed; boundary=${boundary}` },
  };
}

/** Headers of the part, head of the request, body. */
function sections(text: string): string[] {
  const [outer, ...rest] = text.split(/\r?\n\r?\n/);
  const [head, ...body] = rest;
  return [outer ?? '', head ?? '', body.join('\r\n\r\n')];
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const pairs = lines
    .filter((line) => line.includes(':'))
    .map((line) => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  return Object.fromEntries(pairs) as Record<string, string>;
}
