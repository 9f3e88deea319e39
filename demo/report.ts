/** What the demo prints: a line a run, and in the end what is where. */
import type { Agreement } from './agree.ts';
import { writesOf, type Problem, type Run } from './calpair.ts';

export function showRun(run: Run): void {
  const side = (name: 'caldav' | 'cloud') => {
    const { created, updated, deleted } = run[name];
    return `${name} +${created} ~${updated} -${deleted}`;
  };
  const extra = [run.conflicts && `${run.conflicts} conflicts`, run.held && `${run.held} held`, run.problems && `${run.problems} problems`].filter(Boolean);
  const error = run.error ? ` ${run.error.side}: ${run.error.code}` : '';
  const quiet = writesOf(run) === 0 && run.result === 'ok' ? '  nothing to write' : '';
  console.log(`  run ${run.result.padEnd(7)} read ${run.read.caldav}+${run.read.cloud}  ${side('caldav')}  ${side('cloud')}${extra.length ? `  (${extra.join(', ')})` : ''}${error}${quiet}`);
}

export function tableOf(agreement: Agreement, problems: readonly Problem[]): string {
  const { same, different, onlyCaldav, onlyCloud, doubled } = agreement;
  const writtenOut = new Set(problems.filter(({ code }) => code === 'recurrence-written-out').map(({ eventTitle }) => eventTitle));
  const singles = onlyCloud.filter(({ title }) => writtenOut.has(title)).length;
  const byCode = new Map<string, number>();
  for (const { code } of problems) byCode.set(code, (byCode.get(code) ?? 0) + 1);
  const rows: [string, number][] = [
    ['on both sides, the same', same],
    ['on both sides, but different', different.length],
    ['only in Radicale', onlyCaldav.length],
    ['only in Google', onlyCloud.length - singles],
    ['single events of series that Google cannot express', singles],
    ['more than once', doubled.length],
    ...[...byCode].map(([code, count]): [string, number] => [`problem: ${code}`, count]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return ['', '  What is where, read from both servers', ...rows.map(([name, count]) => `  ${name.padEnd(width)}  ${String(count).padStart(5)}`)].join('\n');
}

/** Both sides agree when every difference is one that Calpair itself reports as a problem, and nobody was mailed. */
export function verdictOf(agreement: Agreement, problems: readonly Problem[], mails: number): { isAgreed: boolean; sentence: string } {
  const told = new Set(problems.map(({ eventTitle }) => eventTitle));
  const untold = [
    ...agreement.different.map(({ title, fields }) => ({ title, what: fields.slice(0, 4).join(', ') })),
    ...agreement.onlyCaldav.map(({ title }) => ({ title, what: 'only in Radicale' })),
    ...agreement.onlyCloud.map(({ title }) => ({ title, what: 'only in Google' })),
  ].filter(({ title }) => !told.has(title));
  const lines = untold.slice(0, 20).map(({ title, what }) => `  ${title}: ${what}`);
  const isAgreed = untold.length === 0 && agreement.doubled.length === 0 && mails === 0;
  const sentence = isAgreed
    ? `Both calendars agree (${agreement.same} events); nobody was mailed.`
    : [`The calendars do not agree: ${untold.length} unexplained differences, ${agreement.doubled.length} doubled, ${mails} mails.`, ...lines].join('\n');
  return { isAgreed, sentence };
}
