/** What the demo prints: a line a run, and in the end what is where. */
import type { Agreement } from './agree.ts';
import { type Problem, type Run, writesOf } from './calpair.ts';

/** The two clouds of the demo run at once, so each line begins with whose it is. */
export function showRun(name: string, run: Run): void {
  const side = (which: 'caldav' | 'cloud') => {
    const { created, updated, deleted } = run[which];
    return `${which} +${created} ~${updated} -${deleted}`;
  };
  const extra = [
    run.conflicts && `${run.conflicts} conflicts`,
    run.held && `${run.held} held`,
    run.problems && `${run.problems} problems`,
  ].filter(Boolean);
  const error = run.error ? ` ${run.error.side}: ${run.error.code}` : '';
  const quiet = writesOf(run) === 0 && run.result === 'ok' ? '  nothing to write' : '';
  console.log(
    `  ${name.padEnd(13)}  run ${run.result.padEnd(7)} read ` +
      `${run.read.caldav}+${run.read.cloud}  ${side('caldav')}  ` +
      `${side('cloud')}${extra.length ? `  (${extra.join(', ')})` : ''}${error}${quiet}`,
  );
}

/** What was found of one pair in the end. */
export interface Outcome {
  readonly name: string;
  readonly agreement: Agreement;
  readonly problems: readonly Problem[];
  /** People whom Calpair reached. */
  readonly mails: number;
  /** What was written although a run had ended well before and nobody had changed anything. */
  readonly needless: number;
}

/** A column for each pair. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const columns = outcomes.map(({ agreement, problems, mails, needless }) => {
    const { same, different, onlyCaldav, onlyCloud, doubled } = agreement;
    const writtenOut = new Set(
      problems.filter(({ code }) => code === 'recurrence-written-out').map(({ eventTitle }) => eventTitle),
    );
    const singles = onlyCloud.filter(({ title }) => writtenOut.has(title)).length;
    const byCode = new Map<string, number>();
    for (const { code } of problems) byCode.set(`problem: ${code}`, (byCode.get(`problem: ${code}`) ?? 0) + 1);
    return new Map([
      ['on both sides, the same', same],
      ['on both sides, but different', different.length],
      ['only in Radicale', onlyCaldav.length],
      ['only in the cloud', onlyCloud.length - singles],
      ['single events of series that the cloud cannot express', singles],
      ['more than once', doubled.length],
      ['written without need', needless],
      ['people reached', mails],
      ...byCode,
    ]);
  });
  const rows = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const width = Math.max(...rows.map((row) => row.length));
  const line = (row: string, cells: readonly string[]): string =>
    `  ${row.padEnd(width)}  ${cells.map((cell) => cell.padStart(13)).join('  ')}`;
  return [
    '',
    line(
      'What is where, read from all servers',
      outcomes.map(({ name }) => name),
    ),
    ...rows.map((row) =>
      line(
        row,
        columns.map((column) => String(column.get(row) ?? 0)),
      ),
    ),
  ].join('\n');
}

/**
 * A pair is as it should be when every difference is one that Calpair itself reports as a problem, nothing is written
 * without need, and nobody was reached.
 */
export function verdictOf({ name, agreement, problems, mails, needless }: Outcome): {
  isGood: boolean;
  sentence: string;
} {
  const told = new Set(problems.map(({ eventTitle }) => eventTitle));
  const untold = [
    ...agreement.different.map(({ title, fields }) => ({ title, what: fields.slice(0, 4).join(', ') })),
    ...agreement.onlyCaldav.map(({ title }) => ({ title, what: 'only in Radicale' })),
    ...agreement.onlyCloud.map(({ title }) => ({ title, what: `only in ${name}` })),
  ].filter(({ title }) => !told.has(title));
  const lines = untold.slice(0, 20).map(({ title, what }) => `  ${title}: ${what}`);
  const isGood = untold.length === 0 && agreement.doubled.length === 0 && mails === 0 && needless === 0;
  const sentence = isGood
    ? `${name} and Radicale agree (${agreement.same} events); a further run writes nothing; nobody was mailed.`
    : [
        `${name}: ${untold.length} unexplained differences, ${agreement.doubled.length} doubled, ` +
          `${needless} needless writes, ${mails} people reached.`,
        ...lines,
      ].join('\n');
  return { isGood, sentence };
}
