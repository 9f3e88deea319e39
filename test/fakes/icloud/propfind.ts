/** PROPFIND and OPTIONS: the root, a principal, a home and its contents. */
import type { Calendar, StoredObject } from './account.ts';
import {
  type AccountRequest,
  type DavAnswer,
  locate,
  multistatus,
  type Properties,
  pathOf,
  resource,
} from './answer.ts';
import {
  APPLE,
  CALDAV,
  CALENDARSERVER,
  childOf,
  DAV,
  element,
  escaped,
  href,
  parseXml,
  type XmlElement,
} from './xml.ts';

/** Depth 1 is refused on a principal, as measured. */
export function propfind(request: AccountRequest): DavAnswer {
  const { account, path, headers, body } = request;
  const depth = headers['depth'] ?? 'infinity';
  const xml = parseXml(body);
  if (body !== '' && xml?.name !== 'propfind') return { status: 400 };
  const wanted = wantedOf(xml);
  const members = (): string[] =>
    [...account.calendars.values()].map((calendar) =>
      resource(request, pathOf(request, calendar), wanted, calendarProps(request, calendar)),
    );
  if (path === '/') return multistatus([resource(request, '/', wanted, principalPointer(request))]);
  if (path === principalPath(request)) {
    // The href in the answer is not the requested one (reported by python-caldav).
    return depth === '0'
      ? multistatus([resource(request, '/principal/', wanted, principalProps(request))])
      : { status: 400 };
  }
  if (path === account.home) {
    const own = resource(request, path, wanted, homeProps(request));
    if (depth !== '1') return multistatus([own]);
    return multistatus([
      own,
      ...BOXES.map((name) => resource(request, `${path}${name}/`, wanted, boxProps(request, name))),
      ...members(),
    ]);
  }
  const box = BOXES.find((name) => path === `${account.home}${name}/`);
  if (box !== undefined) return multistatus([resource(request, path, wanted, boxProps(request, box))]);
  const found = locate(request);
  if (found === null) return { status: 404 };
  const { calendar, name } = found;
  const objects = [...calendar.content.objects];
  if (name === '') {
    const inside =
      depth === '1'
        ? objects.map(([member, object]) =>
            resource(request, pathOf(request, calendar, member), wanted, objectProps(object)),
          )
        : [];
    return multistatus([
      resource(request, pathOf(request, calendar), wanted, calendarProps(request, calendar)),
      ...inside,
    ]);
  }
  const object = calendar.content.objects.get(name);
  return object === undefined ? { status: 404 } : multistatus([resource(request, path, wanted, objectProps(object))]);
}

export function options(): DavAnswer {
  return {
    status: 200,
    headers: {
      allow: 'OPTIONS,GET,HEAD,PUT,DELETE,PROPFIND,REPORT,MKCALENDAR',
      dav: [
        '1, access-control, calendar-access, calendar-schedule, calendar-auto-schedule',
        'calendarserver-sharing, calendarserver-private-events, addressbook, extended-mkcol',
      ],
    },
  };
}

function principalPath({ account }: Pick<AccountRequest, 'account'>): string {
  return `/${account.dsid}/principal/`;
}

/** The properties of an object, without its data. */
export function objectProps({ etag, modified }: StoredObject): Map<string, string> {
  return properties(
    [DAV, 'getetag', escaped(etag)],
    [DAV, 'getlastmodified', modified.toUTCString()],
    [DAV, 'getcontenttype', 'text/calendar'],
    [DAV, 'resourcetype', ''],
  );
}

export function calendarProps(request: AccountRequest, calendar: Calendar): Properties {
  const { behaviour } = request;
  const { content, access, component, isSubscription } = calendar;
  const types = [
    element(DAV, 'collection'),
    element(CALDAV, 'calendar'),
    ...(access === 'own' ? [] : [element(CALENDARSERVER, 'shared')]),
    ...(isSubscription ? [element(CALENDARSERVER, 'subscribed')] : []),
  ];
  const rights =
    access === 'read'
      ? ['read', 'read-current-user-privilege-set']
      : [
          'read',
          'write',
          'write-properties',
          'write-content',
          'bind',
          'unbind',
          'read-current-user-privilege-set',
          ...(access === 'own' ? ['all'] : []),
        ];
  const reports = [
    [CALDAV, 'calendar-query'],
    [CALDAV, 'calendar-multiget'],
    ...(behaviour.changes === 'sync' ? [[DAV, 'sync-collection']] : []),
  ];
  const props = properties(
    [DAV, 'resourcetype', types.join('')],
    [DAV, 'displayname', escaped(calendar.name)],
    [APPLE, 'calendar-color', calendar.color],
    [APPLE, 'calendar-order', '1'],
    [CALDAV, 'supported-calendar-component-set', element(CALDAV, 'comp', '', ` name="${component}"`)],
    [DAV, 'current-user-privilege-set', rights.map((right) => element(DAV, 'privilege', element(DAV, right))).join('')],
    [
      DAV,
      'supported-report-set',
      reports
        .map(([namespace = '', name = '']) =>
          element(DAV, 'supported-report', element(DAV, 'report', element(namespace, name))),
        )
        .join(''),
    ],
    [DAV, 'owner', href(principalPath(request))],
    [CALDAV, 'calendar-timezone', escaped(ZONE)],
    [DAV, 'getetag', escaped(`"C=${content.history.length}"`)],
  );
  if (behaviour.changes !== 'etags') add(props, CALENDARSERVER, 'getctag', content.ctag);
  if (behaviour.changes === 'sync') add(props, DAV, 'sync-token', content.token);
  return props;
}

const BOXES = ['inbox', 'outbox', 'notification'];
const ZONE = [
  'BEGIN:VCALENDAR',
  'VERSION:2.0',
  'BEGIN:VTIMEZONE',
  'TZID:Europe/Berlin',
  'BEGIN:STANDARD',
  'DTSTART:19961027T030000',
  'TZOFFSETFROM:+0200',
  'TZOFFSETTO:+0100',
  'END:STANDARD',
  'END:VTIMEZONE',
  'END:VCALENDAR',
  '',
].join('\r\n');

/** `allprop`, or an empty xml, gives all but the type (measured). */
function wantedOf(xml: XmlElement | null): readonly XmlElement[] {
  const prop = childOf(xml ?? undefined, 'prop');
  const all = ['displayname', 'getetag', 'getlastmodified', 'owner'].map(
    (name): XmlElement => ({ namespace: DAV, name, attributes: {}, children: [], text: '' }),
  );
  return prop?.children ?? all;
}

function principalPointer(request: AccountRequest): Properties {
  return properties(
    [DAV, 'current-user-principal', href(principalPath(request))],
    [DAV, 'resourcetype', element(DAV, 'collection')],
  );
}

function principalProps(request: AccountRequest): Properties {
  const { account, partitionOrigin, headers } = request;
  const addresses = [
    ...account.addresses.map((address) => `mailto:${address}`),
    principalPath(request),
    `urn:uuid:${account.dsid}`,
  ];
  const props = properties(
    [DAV, 'resourcetype', element(DAV, 'principal')],
    [DAV, 'displayname', 'Owner'],
    [DAV, 'current-user-principal', href(principalPath(request))],
    [DAV, 'principal-URL', href(principalPath(request))],
    [CALDAV, 'calendar-user-address-set', addresses.map(href).join('')],
    [CALDAV, 'schedule-inbox-URL', href(`${partitionOrigin}${account.home}inbox/`)],
    [CALDAV, 'schedule-outbox-URL', href(`${partitionOrigin}${account.home}outbox/`)],
  );
  // With the headers that fetch sends by default the home is missing (issue natelindev/tsdav#238).
  if (headers['accept-language'] !== '*')
    add(props, CALDAV, 'calendar-home-set', href(`${partitionOrigin}${account.home}`));
  return props;
}

function homeProps(request: AccountRequest): Properties {
  return properties(
    [DAV, 'resourcetype', element(DAV, 'collection')],
    [DAV, 'displayname', 'Owner'],
    [DAV, 'current-user-principal', href(principalPath(request))],
  );
}

function boxProps({ account, commonOrigin, behaviour }: AccountRequest, name: string): Properties {
  const type: Readonly<Record<string, string>> = {
    inbox: element(CALDAV, 'schedule-inbox'),
    outbox: element(CALDAV, 'schedule-outbox'),
    notification: element(CALENDARSERVER, 'notification'),
  };
  const props = properties([DAV, 'resourcetype', `${element(DAV, 'collection')}${type[name]}`]);
  if (name === 'inbox')
    add(
      props,
      CALDAV,
      'schedule-default-calendar-URL',
      href(`${behaviour.commonHrefs ? commonOrigin : ''}${account.home}${account.defaultCalendar}/`),
    );
  return props;
}

function properties(...all: [namespace: string, name: string, content: string][]): Map<string, string> {
  const props = new Map<string, string>();
  for (const [namespace, name, content] of all) add(props, namespace, name, content);
  return props;
}

function add(props: Map<string, string>, namespace: string, name: string, content: string): void {
  props.set(`${namespace} ${name}`, element(namespace, name, content));
}
