/** The settings of a pair, and removing what it created. */
import { call } from './api.js';
import { button, h } from './dom.js';
import { form, submit } from './form.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { directionField, intervalField, optionFields, settingsOf } from './pair-options.js';
import { SETTINGS } from './texts/pairs.js';
import { keptSection, undoAt, undoText } from './undo.js';

export function pairSettings(id, { confirm, notify, redraw, go }) {
  let data = null;
  let outcome = null;
  return {
    title: SETTINGS.title,
    showsNames: true,
    async load(signal) {
      data = await loadPair(id, signal);
    },
    render() {
      const { pair } = data;
      const { sides } = surroundings(pair, data);
      return [
        ...pairHead(data, SETTINGS.heading),
        h('p', { class: 'sub' }, SETTINGS.intro),
        form(
          'save',
          SETTINGS.save,
          directionField(sides, pair.direction),
          intervalField(pair.pollIntervalSeconds),
          ...optionFields(pair.options, sides),
        ),
        keptSection(outcome, sides, id),
        h(
          'section',
          { 'data-key': 'copies' },
          h('h2', {}, SETTINGS.copiesHeading),
          h('p', {}, SETTINGS.copies),
          h(
            'p',
            { class: 'buttons' },
            ...['caldav', 'cloud'].map((side) =>
              button(SETTINGS.removeCopies(sides[side]), 'removeCopies', { class: 'danger', 'data-side': side }),
            ),
          ),
        ),
        h(
          'details',
          { 'data-key': 'ids' },
          h('summary', {}, SETTINGS.ids),
          h(
            'dl',
            { class: 'plain' },
            ...[
              [SETTINGS.pair, pair.id],
              [SETTINGS.connection, pair.connectionId],
              [SETTINGS.calendarId(sides.caldav), pair.caldavCalendarId],
              [SETTINGS.calendarId(sides.cloud), pair.cloudCalendarId],
              [SETTINGS.workflow, pair.workflowId],
            ].map(([name, text]) => h('div', {}, h('dt', {}, name), h('dd', {}, h('code', {}, text)))),
          ),
        ),
      ].filter((part) => part !== null);
    },
    actions: {
      save: (element) =>
        submit(element, { 'calendar-read-only': 'direction' }, async () => {
          await call('PATCH', pairPath(id), settingsOf(element));
          notify(SETTINGS.saved);
          go(`#/pairs/${id}`);
        }),
      async removeCopies(element) {
        const { side } = element.dataset;
        const { sides } = surroundings(data.pair, data);
        if (!(await confirm({ ...SETTINGS.removing(sides[side]), isDangerous: true }))) return;
        outcome = await undoAt(`${pairPath(id)}/remove-copies`, { side }, data.pair);
        notify(undoText(outcome, data.pair));
        redraw();
      },
    },
  };
}
