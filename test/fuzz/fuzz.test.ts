/** A short run of the fuzzer over each reader: the inputs that were kept, and changes of them from one seed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRule, type Rule } from '../../core/recurrence/rule.ts';
import { readCorpus } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { fuzz, shorten } from './fuzz.ts';
import { TARGETS, type Target } from './targets.ts';

const EXECUTIONS = 800;
const SEED = 1;

describe('whatever is read,', () => {
  for (const [name, target] of Object.entries(TARGETS)) {
    test(`nothing breaks: ${name}`, { timeout: 300_000 }, () => {
      const corpus = readCorpus(name);
      assert.ok(corpus.length > 0, 'no kept inputs');
      const coverage = new Coverage();
      const upTo = corpus.length + target.seeds.length + EXECUTIONS;
      const { failures } = fuzz(target, corpus, coverage, SEED, (executions) => executions < upTo);
      coverage.close();
      const [first] = failures;
      if (first) assert.fail(`${first.message}\n${JSON.stringify(shorten(target, first))}`);
    });
  }
});

describe('the fuzzer', () => {
  test('sees code that was not run before, once', () => {
    const coverage = new Coverage();
    const isNew = (rule: string): boolean => {
      parsed(rule);
      return coverage.isNew();
    };
    assert.equal(isNew('RRULE:FREQ=DAILY'), true);
    assert.equal(isNew('RRULE:FREQ=DAILY'), false);
    assert.equal(isNew('RRULE:FREQ=WEEKLY;BYDAY=MO'), true);
    assert.equal(isNew('RRULE:FREQ=WEEKLY;BYDAY=MO'), false);
    coverage.close();
  });

  test('finds a planted fault, and shortens what shows it', () => {
    const target: Target = {
      ...TARGETS['rule']!,
      run: (input) => {
        if (parsed(input)?.byDay.length === 0) throw new Error('planted');
      },
    };
    const coverage = new Coverage();
    const { failures } = fuzz(target, [], coverage, SEED, (executions) => executions < 5_000);
    coverage.close();
    assert.deepEqual(
      failures.map(({ message }) => message.split('\n')[0]),
      ['Error: planted'],
    );
    assert.match(shorten(target, failures[0]!), /^RRULE:FREQ=[A-Z]+$/);
  });
});

function parsed(rule: string): Rule | null {
  try {
    return parseRule(rule, { allDay: true, start: '2026-01-05', end: '2026-01-06' });
  } catch {
    return null;
  }
}
