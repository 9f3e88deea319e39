/** What the demo prints: one line per run, and a table at the end. */
import type { Agreement } from './agree.ts';
import { type Problem, type Run, writesOf } from './calpair.ts';

/** Both pairs run at once, so each line begins with the name of the cloud. */
export function printRun(name: string, run: Run): void {
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

/** The result of one pair. */
export interface Outcome {
  readonly name: string;
  readonly agreement: Agreement;
  readonly problems: readonly Problem[];
  /** Mails that Calpair caused. */
  readonly mails: number;
  /** Writes after a successful run although nobody had changed anything. */
  readonly unneededWrites: number;
}

/** A column for each pair. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const columns = outcomes.map(({ agreement, problems, mails, unneededWrites }) => {
    const { same, different, onlyCaldav, onlyCloud, doubled } = agreement;
    const expanded = new Set(
      problems.filter(({ code }) => code === 'recurrence-written-out').map(({ eventTitle }) => eventTitle),
    );
    const instances = onlyCloud.filter(({ title }) => expanded.has(title)).length;
    const byCode = new Map<string, number>();
    for (const { code } of problems) byCode.set(`problem: ${code}`, (byCode.get(`problem: ${code}`) ?? 0) + 1);
    return new Map([
      ['the same on both sides', same],
      ['different on both sides', different.length],
      ['only in Radicale', onlyCaldav.length],
      ['only in the cloud', onlyCloud.length - instances],
      ['instances of series that the cloud cannot express', instances],
      ['duplicates', doubled.length],
      ['unneeded writes', unneededWrites],
      ['people mailed', mails],
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
      'Events, as all servers list them',
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
 * A pair is good when Calpair reports every difference as a problem, writes nothing unneeded, and nobody was mailed.
 */
export function verdictOf({ name, agreement, problems, mails, unneededWrites }: Outcome): {
  isGood: boolean;
  sentence: string;
} {
  const reported = new Set(problems.map(({ eventTitle }) => eventTitle));
  const unexplained = [
    ...agreement.different.map(({ title, fields }) => ({ title, what: fields.slice(0, 4).join(', ') })),
    ...agreement.onlyCaldav.map(({ title }) => ({ title, what: 'only in Radicale' })),
    ...agreement.onlyCloud.map(({ title }) => ({ title, what: `only in ${name}` })),
  ].filter(({ title }) => !reported.has(title));
  const lines = unexplained.slice(0, 20).map(({ title, what }) => `  ${title}: ${what}`);
  const isGood = unexplained.length === 0 && agreement.doubled.length === 0 && mails === 0 && unneededWrites === 0;
  const sentence = isGood
    ? `${name} and Radicale agree (${agreement.same} events); a further run writes nothing; nobody was mailed.`
    : [
        `${name}: ${unexplained.length} unexplained differences, ${agreement.doubled.length} duplicates, ` +
          `${unneededWrites} unneeded writes, ${mails} people mailed.`,
        ...lines,
      ].join('\n');
  return { isGood, sentence };
}
