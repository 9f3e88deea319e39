/**
 * Mutations of the engine: each replaces one piece of its code with a bug. The simulation has to find every one of
 * them, which shows that its checks work. `mutation.test.ts` searches from known seeds, `npm run simulate -- --mutants`
 * from any seed.
 */
export interface Mutant {
  readonly name: string;
  /** What the mutated code does wrong. */
  readonly description: string;
  readonly file: string;
  /** The original code, which occurs once in the file. */
  readonly from: string;
  readonly to: string;
  /** The seed of a schedule that finds it. */
  readonly seed: number;
  /** Schedules with undo find it. */
  readonly undo?: boolean;
}

const READ = 'activities/pair/read-sides.ts';
const OBSERVE = 'activities/pair/observe.ts';
const WRITE = 'activities/pair/execute-op.ts';
const RESULTS = 'activities/pair/store-results.ts';
const PLAN_LINK = 'core/sync/plan-link.ts';
const STORE_PLAN = 'activities/pair/store-plan.ts';
const HEALTH = 'activities/pair/pair-health.ts';
const DECIDE = 'core/sync/decide.ts';
const NEXT_STATES = 'core/sync/next-states.ts';
const MERGE = 'core/sync/merge.ts';
const GUARD = 'core/sync/deletion-guard.ts';
const UNDO = 'core/sync/undo.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    seed: 51,
    name: 'absence-is-proof',
    description: 'an event that a listing does not name is gone: an empty or short listing is trusted',
    file: READ,
    from: 'await tx.markDirty(gone);',
    to:
      "await tx.updateSides(gone.map((linkId) => ({ linkId, side, set: { gone: 'confirmed', current: null, " +
      'version: null } })));\n      await tx.markDirty(gone);',
  },
  {
    seed: 641,
    name: 'removed-is-proof',
    description: 'what a change feed reports as removed is not fetched',
    file: OBSERVE,
    from: 'await tx.markDirty(gone);',
    to:
      "await tx.updateSides(gone.map((linkId) => ({ linkId, side, set: { gone: 'confirmed', current: null, " +
      'version: null } })));\n  await tx.markDirty(gone);',
  },
  {
    seed: 1046,
    name: 'unreadable-is-gone',
    description: 'an unreadable event counts as deleted',
    file: READ,
    from: "answer.find((found) => found.ref === ref) ?? (isUnread ? undefined : 'gone')",
    to: "answer.find((found) => found.ref === ref && found.event) ?? 'gone'",
  },
  {
    seed: 11,
    name: 'fresh-version',
    description: 'an update carries the version read just before it, not the one that was merged',
    file: WRITE,
    from: 'const written = await side.update(stored, next);',
    to:
      'const asked = (await side.get([stored.resource])).get(stored.resource);\n  ' +
      'const fresh = Array.isArray(asked) ? asked.find((one) => one.ref === stored.ref)?.version ' +
      '?? stored.version : stored.version;\n  const written = await side.update({ ...stored, version: fresh }, next);',
  },
  {
    seed: 11,
    name: 'lost-race-is-done',
    description: 'a 412 counts as done',
    file: WRITE,
    from: 'applying.lost.push({ op, row: sides[op.side] });',
    to:
      "if (op.action !== 'update') {\n          applying.lost.push({ op, row: sides[op.side] });\n" +
      "          return { kind: 'lost' };\n        }\n" +
      '        const stored = storedOf(deps.store, sides[op.side]);\n        const written = { ' +
      '...applying.open.sides[op.side].read(stored), confirmed: true };\n        applying.commits.add({ op, action: ' +
      "'update', next: nextOf(deps.store, op), written, stored });\n        return { kind: 'done' };",
  },
  {
    seed: 8,
    name: 'stale-merge',
    description: 'after a 412 the old merge overwrites the current state',
    file: WRITE,
    from: 'applying.lost.push({ op, row: sides[op.side] });',
    to:
      'const row = sides[op.side];\n        await outdated(applying, [op], op.side, row ? [{ row, answer: ' +
      '(await askFor(applying, op.side, [row]))[0] }] : []);\n        await ' +
      "deps.store.setOp(op.id, 'pending', null, null);\n        return isLastTry ? { kind: " +
      "'again' } : { kind: 'retry', delayMs: 0 };",
  },
  {
    seed: 2,
    name: 'base-before-write',
    description: 'both sides count as agreed before the write is made',
    file: PLAN_LINK,
    from: "state: 'open', ops: ops.map((op) => withFreeUid(linkId, op, input, forgotten)),",
    to: "state: 'open', isSettled: true, ops: ops.map((op) => withFreeUid(linkId, op, input, forgotten)),",
  },
  {
    seed: 5,
    name: 'clean-before-write',
    description: 'an event counts as processed before its writes are done',
    file: PLAN_LINK,
    from: "state: 'open', ops: ops.map((op) => withFreeUid(linkId, op, input, forgotten)),",
    to: "state: 'left-alone', ops: ops.map((op) => withFreeUid(linkId, op, input, forgotten)),",
  },
  {
    seed: 2,
    name: 'cursor-first',
    description: 'the cursor moves before what it covers is stored',
    file: READ,
    from: 'if (isIdle) continue;',
    to:
      "if (isIdle) continue;\n    if (end) await deps.store.updatePair(pairId, side === 'caldav' " +
      '? { caldavCursor: end.cursor } : { cloudCursor: end.cursor });',
  },
  {
    seed: 4,
    name: 'page-skipped',
    description: 'only the last page of a listing is stored',
    file: READ,
    from: 'if (isIdle) continue;',
    to: 'if (isIdle || !end) continue;',
  },
  {
    seed: 45,
    name: 'random-id',
    description: 'a copy gets a random id',
    file: WRITE,
    from: 'create(next, link.id, isLost',
    to: 'create(next, deps.newId(), isLost',
  },
  {
    seed: 20_603,
    name: 'found-copy-is-done',
    description: 'the copy of an earlier attempt counts as what was to be written',
    file: RESULTS,
    from: 'result.written.existed === true &&',
    to: 'result.written.existed === true && applying.deps.historyDays < 0 &&',
  },
  {
    seed: 101_480,
    name: 'no-epoch-check',
    description: 'a replaced worker goes on storing its results',
    file: 'test/simulation/memory-store.ts',
    from: 'if (pair?.epoch !== epoch) throw new Superseded();',
    to: 'if (!pair) throw new Superseded();',
  },
  {
    seed: 8,
    name: 'journal-skipped',
    description: 'a finished op is not recorded as done',
    file: RESULTS,
    from: 'changes.doneOps.push({ id: op.id, code });',
    to: '',
  },
  {
    seed: 11,
    name: 'base-before-other-side',
    description: "the base moves while the other side's write is still open",
    file: 'core/sync/settle-op.ts',
    from: 'if (siblings.length > 0)',
    to: 'if (siblings.length > 99)',
  },
  {
    seed: 1,
    name: 'replaced-in-place',
    description: 'an update deletes the event and creates it again',
    file: WRITE,
    from: 'const written = await side.update(stored, next);',
    to: 'await side.remove(stored);\n  const written = await side.create(next, op.id, 0);',
  },
  {
    seed: 78,
    name: 'pause-ignored',
    description: 'a paused pair goes on writing',
    file: WRITE,
    from: "if (pair.paused) throw ApplicationFailure.retryable('the pair is paused', 'Paused');",
    to: '',
  },
  {
    seed: 62,
    name: 'retry-after-ignored',
    description: 'a Retry-After is forgotten',
    file: HEALTH,
    from: 'retryAfterSeconds: (error.retryAfterMs ?? 0) / 1000,',
    to: 'retryAfterSeconds: 0,',
  },
  {
    seed: 18,
    name: 'no-limit',
    description: 'no deletion is held',
    file: GUARD,
    from: 'if (count.planned === 0) return null;',
    to: 'return null;',
  },
  {
    seed: 30,
    name: 'limit-per-run',
    description: 'deletions are counted per run only',
    file: GUARD,
    from: 'return done[side] + open.filter(',
    to: 'return 0 * done[side] + 0 * open.filter(',
  },
  {
    seed: 18,
    name: 'empties-a-side',
    description: 'a side may lose all its events',
    file: GUARD,
    from: "if (count.present >= 3 && count.planned >= count.present) return 'would-empty';",
    to: '',
  },
  {
    seed: 76,
    name: 'guests-without-decision',
    description: "a meeting with guests is deleted without a person's decision",
    file: DECIDE,
    from: "const hold = isApplied ? null : view.hasGuests && side === 'cloud' ? 'has-guests' : reason;",
    to: 'const hold = isApplied ? null : reason;',
  },
  {
    seed: 8,
    name: 'delete-wins',
    description: 'a deletion beats an edit',
    file: DECIDE,
    from:
      'const isEdited = base !== null && ownChanges(left, base, changes, ' +
      'settings.journal).length < changes.length;',
    to: 'const isEdited = false;',
  },
  {
    seed: 20,
    name: 'source-written-to',
    description: 'the direction is ignored',
    file: DECIDE,
    from: 'const next = source ? mirrored(agreed, source, rules) : mergedSides(agreed, rules);',
    to: 'const next = mergedSides(agreed, rules);',
  },
  {
    seed: 54,
    name: 'our-clock-decides',
    description: 'the side whose change Calpair saw last wins',
    file: MERGE,
    from: "return (cloud.modifiedAt ?? cloud.seenAt) > (caldav.modifiedAt ?? caldav.seenAt) ? 'cloud' : 'caldav';",
    to: "return cloud.seenAt > caldav.seenAt ? 'cloud' : 'caldav';",
  },
  {
    seed: 101508,
    name: 'half-run-is-an-edit',
    description: "what an interrupted run wrote counts as that side's edit",
    file: 'core/sync/journal.ts',
    from: 'return written(side, key).includes(value) ||',
    to: 'return unsettled.size < 0 &&',
  },
  {
    seed: 114,
    name: 'wrong-base',
    description: "a side is compared with the other side's current state",
    file: NEXT_STATES,
    from: 'base: agreed && shown(agreed),',
    to: 'base: agreed && shown(sides[otherSide(side)].now ?? agreed),',
  },
  {
    seed: 11,
    name: 'losing-value-lost',
    description: 'the losing value of a conflict is not kept',
    file: STORE_PLAN,
    from: 'conflicts.map(({ path, winner, kept, lost }) => {',
    to: 'conflicts.slice(0, 0).map(({ path, winner, kept, lost }) => {',
  },
  {
    seed: 28,
    name: 'last-writer-takes-all',
    description: 'the winner of one field wins them all',
    file: MERGE,
    from: 'if (!both) {',
    to: 'if (!both && conflicts.length === 0) {',
  },
  {
    seed: 13,
    name: 'exclusions-lost',
    description: 'an excluded occurrence is not synced',
    file: 'core/sync/paths.ts',
    from: 'else exceptions[occurrence] = there;',
    to: "else if (there !== 'excluded') exceptions[occurrence] = there;",
  },
  {
    seed: 39,
    name: 'attendees-replaced',
    description: "one side's list of attendees replaces the other's",
    file: MERGE,
    from: "} else if (path.field === 'attendees') {\n      continue;",
    to:
      "} else if (path.field === 'attendees') {\n      copy[otherSide(winner)].push(path);\n     " +
      ' changed.caldav.delete(key);',
  },
  {
    seed: 4,
    name: 'copy-by-marker',
    description: 'any event with a marker counts as our copy',
    file: OBSERVE,
    from: 'const isOurs = one.marker !== null && free.delete(one.marker);',
    to:
      'const isOurs = one.marker !== null && (free.delete(one.marker) || tx === null);\n    if ' +
      '(one.marker !== null && !isOurs) continue;',
  },
  {
    seed: 880,
    name: 'stale-listing-believed',
    description: 'an event that a lagging listing shows again after its deletion counts as new',
    file: OBSERVE,
    from: "(mayBeStale || taken.get(one.marker) === pairId ? 'suspected' : 'no')",
    to: "(mayBeStale && taken.size < 0 ? 'suspected' : 'no')",
  },
  {
    seed: 1251,
    name: 'older-is-newer',
    description: 'a lagging listing counts as an edit',
    file: OBSERVE,
    from: 'if (!isBack && isOlder(row, found)) {',
    to: 'if (!isBack && deps.historyDays < 0 && isOlder(row, found)) {',
  },
  {
    seed: 20,
    name: 'uid-ignored',
    description: 'events on both sides are not linked by their UID',
    file: 'activities/pair/link-events.ts',
    from: "await join('uid');",
    to: '',
  },
  {
    seed: 59,
    name: 'cancelled-copy-is-a-deletion',
    description: 'deleting a cancelled copy deletes the original',
    file: RESULTS,
    from: 'changes.droppedSides.push({ linkId: id, side: op.side });\n      agree(done);',
    to:
      "putSide(changes, link, { ...link.sides[op.side], gone: 'confirmed', current: null });\n      " +
      'agree(NOW_DIRTY);',
  },
  {
    seed: 565,
    name: 'account-not-verified',
    description: 'the owner of the calendar that the credentials open is not verified',
    file: 'activities/pair/verify-account.ts',
    from: 'if (!isSame) throw differentAccount();',
    to: '',
  },
  {
    seed: 256,
    undo: true,
    name: 'undo-overwrites-edits',
    description: 'an undo takes back a field whatever became of it since',
    file: UNDO,
    from: 'else if (!sameValue(value, before) && !isAsWritten(path, value, after, state))',
    to: 'else if (field === null)',
  },
  {
    seed: 236,
    undo: true,
    name: 'undo-without-precondition',
    description: 'an undo carries the version read just before it, and overwrites what a person has just written',
    file: WRITE,
    from: 'const written = await side.update(stored, next);',
    to:
      'const asked = op.byPerson === null ? undefined : (await side.get([stored.resource])).get(stored.resource);\n  ' +
      'const fresh = Array.isArray(asked) ? asked.find((one) => one.ref === stored.ref)?.version ' +
      '?? stored.version : stored.version;\n  const written = await side.update({ ...stored, version: fresh }, next);',
  },
  {
    seed: 20787000600,
    undo: true,
    name: 'undo-of-what-exists',
    description: 'a deletion is taken back although the event is there again',
    file: UNDO,
    from: "if (content.action === 'delete' && now !== null) return 'exists';",
    to: '',
  },
  {
    seed: 7,
    undo: true,
    name: 'undo-is-an-own-write',
    description: 'what was taken back is not copied to the other side',
    file: 'core/sync/settle-op.ts',
    from: "return isTarget ? 'accepted' : 'edited';",
    to: "return 'accepted';",
  },
  {
    seed: 2,
    undo: true,
    name: 'undone-copy-returns',
    description: 'a copy that was taken back is created again by the next run',
    file: 'core/sync/decide.ts',
    from: 'return link.isExcluded ? NOTHING : decideOne(',
    to: 'return decideOne(',
  },
  {
    seed: 23,
    undo: true,
    name: 'undo-removes-edited-copy',
    description: 'a creation is taken back although a person has edited the copy',
    file: UNDO,
    from: "return isUntouched(state) ? null : 'changed-since';",
    to: 'return null;',
  },
];
