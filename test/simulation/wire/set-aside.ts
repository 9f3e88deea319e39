/**
 * What the schedules leave out, or the checks do not look at, until a mend of the product has landed: each by its row
 * in the list of faults. A row that is mended is taken out here.
 */
export type Row = 'FA14' | 'FB14';

const ROWS: ReadonlySet<Row> = new Set<Row>(['FA14', 'FB14']);

export function isSetAside(row: Row): boolean {
  return ROWS.has(row);
}
