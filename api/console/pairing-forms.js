/** Forms for a new connection and a new pair. */

import { all, call, Problem } from './api.js';
import { h, page, plain } from './dom.js';
import { field, form, input, select, submit, tick, valuesOf } from './form.js';
import { accountName, directionOf, sideNames } from './labels.js';
import { byId } from './overview.js';
import { serviceOf } from './providers.js';

export function addConnection(_query, { notify, go }) {
  let accounts = null;
  return {
    title: 'Add a connection',
    async load(signal) {
      accounts = await all('/v1/accounts', signal);
    },
    render() {
      const caldav = accounts.filter(({ provider }) => provider === 'caldav');
      const option = (account) => [account.id, `${accountName(account)} (${serviceOf(account)})`];
      const clouds = [...accounts].sort(
        (one, other) => Number(one.provider === 'caldav') - Number(other.provider === 'caldav'),
      );
      return page(
        'Add a connection',
        'A connection joins two accounts, whose calendars can then be paired.',
        caldav.length === 0 || accounts.length < 2
          ? h(
              'p',
              { class: 'empty' },
              'Two accounts are needed, one of them CalDAV. ',
              h('a', { href: '#/accounts' }, 'Add them first.'),
            )
          : form(
              'add',
              'Add the connection',
              field('caldavAccountId', 'CalDAV account', select(caldav.map(option))),
              field('cloudAccountId', 'Other account', select(clouds.map(option)), {
                hint: 'Google, Microsoft or another CalDAV account.',
              }),
              field('name', 'Name', input({ maxlength: 200 }), { isOptional: true }),
            ),
      );
    },
    actions: {
      add: (element) =>
        submit(element, {}, async () => {
          const connection = await call('POST', '/v1/connections', valuesOf(element));
          notify('The connection is added. Now pair two calendars.');
          go(`#/pairs/new?connection=${connection.id}`);
        }),
    },
  };
}

export function addPair(query, { notify, go, redraw }) {
  const connectionId = query.get('connection');
  let data = null;
  /** By side: whether the form asks for a new calendar. */
  const asks = {};
  const choose = (element, side) => {
    asks[side] = element.value === NEW;
    element.form.querySelector(`[data-field=${side}New]`).hidden = !asks[side];
  };

  /** Loads the calendars of both accounts; a failure is shown at the list of its side. */
  async function loadCalendars(signal) {
    const { connection, accounts } = data;
    if (!connection) return;
    const of = (accountId) =>
      all(`/v1/accounts/${accountId}/calendars`, signal).then(
        (items) => ({ items }),
        (error) => ({ items: [], error }),
      );
    const [caldav, cloud] = await Promise.all([of(connection.caldavAccountId), of(connection.cloudAccountId)]);
    const names = sideNames(accounts.get(connection.caldavAccountId), accounts.get(connection.cloudAccountId));
    data = { ...data, caldav, cloud, names };
  }

  /** Creates the calendars that are chosen as new; a second try then finds them in the list. */
  async function createCalendars(element) {
    for (const side of ['caldav', 'cloud']) {
      const chosen = element.elements[`${side}CalendarId`];
      if (chosen.value !== NEW) continue;
      const { [`${side}Name`]: name, [`${side}Color`]: color } = valuesOf(element);
      if (!name) throw new Problem({ ...MISSING_NAME, errors: [{ field: `${side}Name`, message: 'Give it a name.' }] });
      const accountId = data.connection[`${side}AccountId`];
      const made = await call('POST', `/v1/accounts/${accountId}/calendars`, { name, color });
      data = { ...data, [side]: { items: [...data[side].items, made] } };
      redraw();
      chosen.value = made.id;
      choose(chosen, side);
    }
  }

  return {
    title: 'Add a pair',
    async load(signal) {
      const [accounts, connections] = await Promise.all([all('/v1/accounts', signal), all('/v1/connections', signal)]);
      data = {
        accounts: byId(accounts),
        connections,
        connection: connections.find(({ id }) => id === connectionId) ?? connections[0],
      };
      await loadCalendars(signal);
    },
    render() {
      const { connections, connection, accounts, caldav, cloud, names } = data;
      if (!connection)
        return page(
          'Add a pair',
          '',
          h(
            'p',
            { class: 'empty' },
            'Pairs belong to a connection. ',
            h('a', { href: '#/connections/new' }, 'Add one first.'),
          ),
        );
      const title = (one) =>
        plain(
          one.name ??
            [one.caldavAccountId, one.cloudAccountId]
              .map((id) => (accounts.has(id) ? accountName(accounts.get(id)) : '?'))
              .join(' – '),
        );
      const failed = [
        [names.caldav, caldav],
        [names.cloud, cloud],
      ].filter(([, { error }]) => error);
      const directions = ['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav'].map((way) => [
        way,
        directionOf(way, names),
      ]);
      const fieldsOf = (side) =>
        calendarFields(side, data[side], {
          name: names[side],
          account: accounts.get(connection[`${side}AccountId`]),
          isAsked: asks[side],
        });
      return page(
        'Add a pair',
        'Keeps two calendars in sync. Events that are already on both sides are recognised and not duplicated.',
        ...failed.map(([name, { error }]) =>
          h(
            'p',
            { class: 'failure' },
            h('strong', {}, `The calendars of ${name} cannot be listed. `),
            error.sentence ?? error.message,
          ),
        ),
        form(
          'add',
          'Add the pair',
          field(
            'connection',
            'Connection',
            select(
              connections.map((one) => [one.id, title(one)]),
              connection.id,
              { 'data-change': 'connection' },
            ),
          ),
          ...fieldsOf('caldav'),
          ...fieldsOf('cloud'),
          field('direction', 'Direction', select(directions)),
          tick(
            'paused',
            'Start paused',
            'Nothing is written until you resume it. A preview shows what a sync would do.',
          ),
        ),
      );
    },
    actions: {
      async connection(element) {
        data = { ...data, connection: data.connections.find(({ id }) => id === element.value) };
        for (const side of Object.keys(asks)) delete asks[side];
        await loadCalendars();
        redraw();
      },
      caldavCalendar: (element) => choose(element, 'caldav'),
      cloudCalendar: (element) => choose(element, 'cloud'),
      add: (element) =>
        submit(element, { 'calendar-read-only': 'direction' }, async () => {
          await createCalendars(element);
          const { connection, caldavName, caldavColor, cloudName, cloudColor, ...body } = valuesOf(element);
          const pair = await call('POST', `/v1/connections/${connection}/pairs`, body);
          notify(
            pair.status === 'paused' ? 'The pair is added, and paused.' : 'The pair is added; its first run has begun.',
          );
          go(`#/pairs/${pair.id}`);
        }),
    },
  };
}

/** The value of the option that creates a calendar; no calendar's id is so. */
const NEW = '+';
const MISSING_NAME = { title: 'The new calendar has no name', code: 'validation' };

/** The calendars of one side, and what a new one needs; where none can be created, the reason. */
function calendarFields(side, { items }, { name, account, isAsked }) {
  const isOffered = account?.capabilities.createCalendar === true;
  const isNew = isAsked ?? (items.length === 0 && isOffered);
  const last = isOffered ? [NEW, '+ Create new calendar …'] : [NEW, `+ Create new calendar: not offered`, true];
  const hint = isOffered ? null : `New calendars are created in ${name} itself; reload this page then.`;
  return [
    field(
      `${side}CalendarId`,
      `Calendar in ${name}`,
      select([...items.map(calendarOption), last], items[0]?.id ?? null, { 'data-change': `${side}Calendar` }),
      { hint },
    ),
    h(
      'div',
      { class: 'field', 'data-field': `${side}New`, 'data-key': `${side}-new`, hidden: !isNew },
      field(`${side}Name`, 'Name of the new calendar', input({ maxlength: 200 }), { isOptional: true }),
      field(`${side}Color`, 'Colour', (common) => h('input', { type: 'color', value: '#3366cc', ...common }), {
        isOptional: true,
      }),
    ),
  ];
}

const calendarOption = ({ id, name, readOnly, isDefault }) => [
  id,
  `${plain(name, 100)}${isDefault ? ' (default)' : ''}${readOnly ? ' (read-only)' : ''}`,
];
