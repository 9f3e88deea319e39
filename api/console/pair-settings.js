/** The settings of a pair, and removing what it created. */
import { call } from './api.js';
import { button, h } from './dom.js';
import { form, submit } from './form.js';
import { surroundings } from './overview.js';
import { loadPair, pairHead, pairPath } from './pair-data.js';
import { directionField, intervalField, optionFields, settingsOf } from './pair-options.js';
import { keptSection, undoAt, undoText } from './undo.js';

export function pairSettings(id, { confirm, notify, redraw, go }) {
  let data = null;
  let outcome = null;
  return {
    title: 'Settings of the pair',
    async load(signal) {
      data = await loadPair(id, signal);
    },
    render() {
      const { pair } = data;
      const { sides } = surroundings(pair, data);
      return [
        ...pairHead(data, 'Settings'),
        h('p', { class: 'sub' }, 'They apply from the next run on. Changing them deletes nothing by itself.'),
        form(
          'save',
          'Save the settings',
          directionField(sides, pair.direction),
          intervalField(pair.pollIntervalSeconds),
          ...optionFields(pair.options, sides),
        ),
        keptSection(outcome, sides),
        h(
          'section',
          { 'data-key': 'copies' },
          h('h2', {}, 'Remove the copies'),
          h(
            'p',
            {},
            'Takes away from one calendar what this pair created there. What was there before stays, and so does ' +
              'every copy that somebody has edited. Pause or delete the pair first if it should not sync any more.',
          ),
          h(
            'p',
            { class: 'buttons' },
            ...['caldav', 'cloud'].map((side) =>
              button(`Remove the copies from ${sides[side]} …`, 'removeCopies', { class: 'danger', 'data-side': side }),
            ),
          ),
        ),
        h(
          'details',
          { 'data-key': 'ids' },
          h('summary', {}, 'Ids, for the API'),
          h(
            'dl',
            { class: 'plain' },
            ...[
              ['Pair', pair.id],
              ['Connection', pair.connectionId],
              [`Calendar id of ${sides.caldav}`, pair.caldavCalendarId],
              [`Calendar id of ${sides.cloud}`, pair.cloudCalendarId],
              ['Workflow', pair.workflowId],
            ].map(([name, text]) => h('div', {}, h('dt', {}, name), h('dd', {}, h('code', {}, text)))),
          ),
        ),
      ].filter((part) => part !== null);
    },
    actions: {
      save: (element) =>
        submit(element, { 'calendar-read-only': 'direction' }, async () => {
          await call('PATCH', pairPath(id), settingsOf(element));
          notify('Saved. The next run uses them.');
          go(`#/pairs/${id}`);
        }),
      async removeCopies(element) {
        const { side } = element.dataset;
        const { sides } = surroundings(data.pair, data);
        const isSure = await confirm({
          title: `Remove the copies from ${sides[side]}?`,
          yes: 'Remove the copies',
          isDangerous: true,
          text:
            `Everything that this pair created in ${sides[side]} is deleted there; nobody is mailed. The originals ` +
            'stay, and those events are no longer synced until you ask for that. Copies that were edited stay, too.',
        });
        if (!isSure) return;
        outcome = await undoAt(`${pairPath(id)}/remove-copies`, { side }, data.pair);
        notify(undoText(outcome, data.pair));
        redraw();
      },
    },
  };
}
