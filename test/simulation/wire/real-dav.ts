/** A calendar on a real CalDAV server, with what a schedule needs to see of it. */
import type { DavServer as RunningDav } from '../../support/dav.ts';
import { basicAuthorization } from '../../support/dav.ts';
import { type DavAnswer, type DavObject, type DavRequest, DavServer } from './dav-server.ts';
import { WAYS } from './dav-ways.ts';
import type { SyncAnswer, SyncHttp } from './sync-http.ts';

export class RealDav extends DavServer {
  private readonly http: SyncHttp;
  private readonly authorization: string;
  private count = 0;

  /** @param calendar a name that no calendar has yet */
  constructor(server: RunningDav, calendar: string, http: SyncHttp, now: () => number) {
    const url = new URL(server.calendarUrl(calendar));
    const ways = { ...WAYS.find(({ name }) => name === server.name)!, path: url.pathname };
    super(server.name, ways, now, url.origin, { username: server.username, password: server.password });
    this.http = http;
    this.authorization = basicAuthorization(server.username, server.password);
    const { status } = this.send('MKCALENDAR', url.pathname);
    if (status !== 201) throw new Error(`MKCALENDAR answered ${status}`);
  }

  override put(path: string, data: string, by: DavObject['by']): void {
    this.onPersonWrite(data);
    const headers = { 'content-type': 'text/calendar; charset=utf-8' };
    const { status, body } = this.send('PUT', path, headers, data);
    if (status >= 300) throw new Error(`a person's PUT was answered ${status}: ${body}`);
    this.look(path, by);
  }

  override remove(path: string): void {
    const { status } = this.send('DELETE', path);
    if (status >= 300) throw new Error(`a person's DELETE was answered ${status}`);
    this.objects.delete(path);
  }

  override answer({ method, url, headers, body }: DavRequest): DavAnswer {
    const answer = this.http.request({ method, url: url.href, headers: Object.fromEntries(headers), body });
    const isDone = answer.status < 300 && (method === 'PUT' || method === 'DELETE');
    if (isDone) this.onWrite(url.pathname, method === 'PUT' ? body : null);
    if (isDone) this.look(url.pathname, 'calpair');
    return answer;
  }

  private look(path: string, by: DavObject['by']): void {
    const { status, body } = this.send('GET', path);
    this.count += 1;
    if (status === 200) this.objects.set(path, { data: body, by, version: this.count, modified: 0 });
    else this.objects.delete(path);
  }

  private send(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): SyncAnswer {
    const { http, origin, authorization } = this;
    return http.request({ method, url: `${origin}${path}`, headers: { authorization, ...headers }, body });
  }
}
