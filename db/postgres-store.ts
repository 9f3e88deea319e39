/** The `Store` on PostgreSQL: each method is the function of that name in the file of its table. */
import * as accounts from './accounts.ts';
import * as changes from './changes.ts';
import * as conflicts from './conflicts.ts';
import type { Db } from './connect.ts';
import * as epoch from './epoch.ts';
import * as heldChanges from './held-changes.ts';
import * as tools from './leftovers.ts';
import * as matching from './link-matching.ts';
import * as sides from './link-sides.ts';
import * as links from './links.ts';
import * as lost from './lost-events.ts';
import * as ops from './ops.ts';
import * as pairs from './pairs.ts';
import * as polls from './polls.ts';
import * as problems from './problems.ts';
import * as push from './push-channels.ts';
import * as runs from './runs.ts';
import * as shared from './shared-calendars.ts';
import type { Store } from './store.ts';
import * as undo from './undo-requests.ts';
import * as results from './write-results.ts';

export function postgresStore(db: Db): Store {
  const bind =
    <Rest extends unknown[], Result>(work: (db: Db, ...rest: Rest) => Result) =>
    (...rest: Rest): Result =>
      work(db, ...rest);
  return {
    vault: db.vault,
    underEpoch: (pairId, number, work, lock, generation) =>
      epoch.underEpoch(db, pairId, number, (tx, revision) => work(postgresStore(tx), revision), lock, generation),

    pairWithAccounts: bind(pairs.pairWithAccounts),
    pairNow: bind(pairs.pairNow),
    updatePair: bind(pairs.updatePair),
    noteEventCount: bind(pairs.noteEventCount),
    beginPoll: bind(polls.beginPoll),
    pollInput: bind(polls.pollInput),
    hasUnmatchedWork: bind(polls.hasUnmatchedWork),
    noteUnreported: bind(push.noteUnreported),
    updatePolledPair: bind(polls.updatePolledPair),
    requestedWait: bind(pairs.requestedWait),
    lockShared: bind(shared.lockShared),
    createdByOtherPairs: bind(shared.createdByOtherPairs),
    copiesByOtherPairs: bind(shared.copiesByOtherPairs),

    lockLinks: bind(links.lockLinks),
    insertLinks: bind(links.insertLinks),
    updateLinks: bind(links.updateLinks),
    updateEachLink: bind(links.updateEachLink),
    deleteLinks: bind(links.deleteLinks),
    markDirty: bind(links.markDirty),
    hasWork: bind(links.hasWork),
    dirtyLinks: bind(links.dirtyLinks),
    loadLinks: bind(links.loadLinks),
    outlines: bind(links.outlines),
    linksWithout: bind(links.linksWithout),
    countLinks: bind(links.countLinks),
    instancesOf: bind(links.instancesOf),
    expandedSeries: bind(links.expandedSeries),
    touchExpandedSeries: bind(links.touchExpandedSeries),
    touchUnsettled: bind(links.touchUnsettled),
    retryRefusals: bind(links.retryRefusals),
    nextGeneration: bind(sides.nextGeneration),

    sidesByRef: bind(sides.sidesByRef),
    sidesByResource: bind(sides.sidesByResource),
    versionsOf: bind(sides.versionsOf),
    listedResources: bind(sides.listedResources),
    markListed: bind(sides.markListed),
    suspectGone: bind(sides.suspectGone),
    suspectedGone: bind(sides.suspectedGone),
    unconfirmed: bind(sides.unconfirmed),
    countEvents: bind(sides.countEvents),
    changedSinceLastRun: bind(sides.changedSinceLastRun),
    insertSides: bind(sides.insertSides),
    updateSide: bind(sides.updateSide),
    updateSides: bind(sides.updateSides),
    settleLinks: bind(sides.settleLinks),
    dropSides: bind(sides.dropSides),
    forgetSides: bind(sides.forgetSides),
    dropGoneSides: bind(sides.dropGoneSides),

    matchesBy: bind(matching.matchesBy),
    renames: bind(matching.renames),
    joinHalves: bind(matching.joinHalves),
    similarSides: bind(matching.similarSides),
    duplicatesOf: bind(matching.duplicatesOf),
    noteLost: bind(lost.noteLost),
    lostEvents: bind(lost.lostEvents),

    beginRun: bind(runs.beginRun),
    resumeRun: bind(runs.resumeRun),
    getRun: bind(runs.getRun),
    updateRun: bind(runs.updateRun),
    addToRun: bind(runs.addToRun),
    countProblem: bind(runs.countProblem),
    isRunning: bind(runs.isRunning),
    lastRunNumber: bind(runs.lastRunNumber),
    pruneRuns: bind(runs.pruneRuns),

    insertOps: bind(ops.insertOps),
    dropUndoneOps: bind(ops.dropUndoneOps),
    opsToExecute: bind(ops.opsToExecute),
    setOp: bind(ops.setOp),
    noteNormalised: bind(ops.noteNormalised),
    countOps: bind(ops.countOps),
    linkFacts: bind(results.linkFacts),
    storeResults: bind(results.storeResults),
    finishDeletions: bind(ops.finishDeletions),
    doneOps: bind(ops.doneOps),
    linksWrittenByPerson: bind(ops.linksWrittenByPerson),
    ownedCopies: bind(sides.ownedCopies),
    possibleOriginals: bind(tools.possibleOriginals),
    leftovers: bind(tools.leftovers),
    recognizedTools: bind(tools.recognizedTools),

    insertChanges: bind(changes.insertChanges),
    changesById: bind(changes.changesById),
    changesSince: bind(changes.changesSince),
    pruneChanges: bind(changes.pruneChanges),
    hasUndoRequests: bind(undo.hasUndoRequests),
    takeUndoRequests: bind(undo.takeUndoRequests),
    setUndoPlan: bind(undo.setUndoPlan),

    mayHaveCopies: bind(ops.mayHaveCopies),
    openCreates: bind(ops.openCreates),
    deletionsSince: bind(ops.deletionsSince),
    writtenSince: bind(ops.writtenSince),
    unsettledWrites: bind(ops.unsettledWrites),

    insertConflicts: bind(conflicts.insertConflicts),
    setProblems: bind(problems.setProblems),
    addProblem: bind(problems.addProblem),
    heldOf: bind(heldChanges.heldOf),
    hold: bind(heldChanges.hold),
    release: bind(heldChanges.release),
    countHeld: bind(heldChanges.countHeld),

    openedAccount: bind(accounts.openedAccount),
    setAccountStatus: bind(accounts.setAccountStatus),
    noteCalendarChange: bind(accounts.noteCalendarChange),
  };
}
