/** Forms: fields with labels and hints, and errors shown at their fields. */
import { Problem } from './api.js';
import { h } from './dom.js';
import { FORM, WORDS } from './texts/shell.js';

/** @param control makes the input from its id, name and ARIA attributes */
export function field(name, label, control, { hint = null, isOptional = false } = {}) {
  const id = `field-${name}`;
  const element = control({
    id,
    name,
    'aria-required': isOptional ? false : 'true',
    'aria-describedby': `${hint === null ? '' : `${id}-hint `}${id}-error`,
  });
  return h(
    'div',
    { class: 'field', 'data-field': name },
    h('label', { for: id }, label, isOptional ? h('small', {}, FORM.optional) : null),
    hint === null ? null : h('p', { class: 'hint', id: `${id}-hint` }, hint),
    element,
    h('p', { class: 'error', id: `${id}-error` }),
  );
}

/** A box to tick, in front of its label. */
export function tick(name, label, hint, isTicked = false) {
  const id = `field-${name}`;
  return h(
    'div',
    { class: 'field', 'data-field': name },
    h(
      'p',
      { class: 'tick' },
      h('input', {
        type: 'checkbox',
        id,
        name,
        checked: isTicked,
        'aria-describedby': `${hint === null ? '' : `${id}-hint `}${id}-error`,
      }),
      ' ',
      h('label', { for: id }, label),
    ),
    hint === null ? null : h('p', { class: 'hint', id: `${id}-hint` }, hint),
    h('p', { class: 'error', id: `${id}-error` }),
  );
}

/** One of several, all of them to be seen. `options`: `[value, content]`. */
export function choices(name, legend, options, chosen) {
  const id = `field-${name}`;
  return h(
    'fieldset',
    { class: 'field choices', 'data-field': name, 'aria-describedby': `${id}-error` },
    h('legend', {}, legend),
    ...options.map(([value, content]) =>
      h(
        'label',
        { class: 'tick' },
        h('input', { type: 'radio', name, value, checked: value === chosen }),
        h('span', {}, content),
      ),
    ),
    h('p', { class: 'error', id: `${id}-error` }),
  );
}

/** Looks for a text in a list: the action `find` gets the form, whose field is `query`. */
export function searchForm(label, query) {
  return h(
    'form',
    { 'data-submit': 'find', class: 'search', role: 'search', novalidate: true, 'data-key': 'search' },
    h('label', { for: 'query' }, label),
    h('input', { id: 'query', name: 'query', type: 'search', value: query, maxlength: 200, autocomplete: 'off' }),
    h('button', { type: 'submit' }, WORDS.search),
  );
}

export const input =
  (more = {}) =>
  (common) =>
    h('input', { type: 'text', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', ...common, ...more });

/** `options`: `[value, text, isDisabled]`; the first is selected unless `chosen` is one of them. */
export const select =
  (options, chosen = null, more = {}) =>
  (common) =>
    h(
      'select',
      { ...common, ...more },
      ...options.map(([value, text, isDisabled]) =>
        h('option', { value, selected: value === chosen, disabled: Boolean(isDisabled) }, text),
      ),
    );

export function form(action, submit, ...fields) {
  return h(
    'form',
    { 'data-submit': action, novalidate: true, autocomplete: 'off' },
    ...fields,
    h('div', { class: 'summary', role: 'alert' }),
    h('p', { class: 'buttons' }, h('button', { type: 'submit', class: 'main' }, submit)),
  );
}

/** The values without surrounding spaces, except secrets; empty and hidden fields are left out. */
export function valuesOf(element) {
  const values = {};
  for (const control of element.elements) {
    if (!control.name || control.closest('[hidden]') || (control.type === 'radio' && !control.checked)) continue;
    const value =
      control.type === 'checkbox'
        ? control.checked
        : control.type === 'password'
          ? control.value
          : control.value.trim();
    if (value !== '' && value !== false) values[control.name] = value;
  }
  return values;
}

/** Whether all fields are filled in as they have to be; shows an error at those that are not. */
export function isFilled(element) {
  clearProblems(element);
  const shown = [...element.elements].filter((control) => !control.closest('[hidden]'));
  // Half a date has no value, and would count as left out.
  const unfinished = shown.filter(({ validity }) => validity.badInput);
  const missing = shown.filter(
    (control) => control.ariaRequired === 'true' && control.value.trim() === '' && !unfinished.includes(control),
  );
  for (const { name } of missing) showAt(element, name, FORM.required);
  for (const { name } of unfinished) showAt(element, name, FORM.unfinished);
  element.querySelector('[aria-invalid]')?.focus();
  return missing.length + unfinished.length === 0;
}

/** Shows a refusal in the form, where what was typed stays. */
export async function submit(element, fieldOf, work) {
  try {
    await work();
  } catch (error) {
    if (error.status === 401) throw error;
    showProblem(element, error, fieldOf);
  }
}

/** Shows an error at its fields, else above the button, and moves there. @param fieldOf field by problem code */
export function showProblem(element, error, fieldOf = {}) {
  clearProblems(element);
  const problem = error instanceof Problem ? error : new Problem({ title: FORM.bug, detail: error.message });
  const field = fieldOf[problem.code];
  const refusal = { field, message: problem.sentence };
  const errors = problem.errors.length > 0 ? problem.errors : field ? [refusal] : [];
  const unplaced = errors.filter(
    ({ field: name, message }) => !showAt(element, name, message) && !showAt(element, lastOf(name), message),
  );
  const summary = element.querySelector('.summary');
  if (errors.length === 0) summary.append(h('p', {}, problem.sentence));
  else if (unplaced.length > 0)
    summary.append(
      ...unplaced.map((one) => h('p', {}, one === refusal || !one.field ? '' : `${one.field}: `, one.message)),
    );
  element.querySelector('[aria-invalid]')?.focus();
}

function clearProblems(element) {
  for (const control of element.querySelectorAll('[aria-invalid]')) control.removeAttribute('aria-invalid');
  for (const text of element.querySelectorAll('.error, .summary')) text.replaceChildren();
}

/** `options.window.pastDays` is the field `pastDays`. */
const lastOf = (name) => name?.split('.').at(-1);

function showAt(element, name, message) {
  const place = [...element.querySelectorAll('[data-field]')].find((one) => one.dataset.field === name && !one.hidden);
  if (!place) return false;
  for (let fold = place.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
  place.querySelector('input, select').setAttribute('aria-invalid', 'true');
  place.querySelector('.error').append(h('span', {}, `${message} `));
  return true;
}
