/** What `planChunk` decides by: everything is loaded before it begins. */
import type { CalendarEvent, Content, OccurrenceId, SideName } from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import type { OptionalForms } from '../optional-fields.ts';
import type { ChangedValue } from './changed-values.ts';
import type { LinkView } from './decide.ts';
import type { Journal } from './own-writes.ts';
import type { Direction, PairOptions } from './policy.ts';

export interface PlanInput {
  readonly direction: Direction;
  readonly options: PairOptions;
  /** The two calendars have not been compared yet, or are compared anew. */
  readonly needsMatching: boolean;
  /** Series to be expanded, and what may be their instances, wait until all are known (`ChunkPlan.deferred`). */
  readonly defersInstances?: boolean;
  /** In ms since the epoch. */
  readonly now: number;
  /** The events to decide about, in this order; among them the series of which only an instance changed. */
  readonly events: readonly EventToPlan[];
  /** The instances of expanded series, by the link of the series and in order; also of series that do not exist. */
  readonly instances: ReadonlyMap<string, readonly InstanceToPlan[]>;
  readonly known: Known;
}

/** One link and what its sides show. */
export interface EventToPlan {
  readonly linkId: string;
  /** Null: what is stored could not be read. */
  readonly view: LinkView | null;
  readonly sides: SideStates;
  /** A deletion of it is held; `view.decision` is what a person decided about that. */
  readonly isHeld: boolean;
  /** The last attempt to create a copy got no answer. */
  readonly mayHaveCopy: boolean;
  /** Other events that an event of one side only may be a duplicate of. */
  readonly duplicates: {
    /** Links whose event the pair copied to that side under the same UID. */
    readonly copies: readonly string[];
    /** Links on both sides with the same UID, or the same title, start and recurrence. */
    readonly alike: readonly string[];
    /** The link of this pair that the marker of the event names. */
    readonly markedLink: string | null;
    /**
     * The marker of the event names no link of the installation: another installation made it, or this one since the
     * backup that its database was restored from.
     */
    readonly isByUnknown?: boolean;
    /** It stands for an occurrence of a series that the pair has. */
    readonly isOfKnownSeries?: boolean;
    /**
     * Within a day these sides have lost an event with its UID, or the series for an occurrence of which it stands; in
     * ms since the epoch.
     */
    readonly lost?: Partial<Readonly<Record<SideName, number>>>;
  };
}

/** One single event that stands for an occurrence of a series. */
export interface InstanceToPlan {
  readonly linkId: string;
  readonly occurrence: OccurrenceId;
  /** Null: what is stored could not be read. */
  readonly view: LinkView | null;
  readonly sides: SideStates;
  /** What the series said of the occurrence when both last agreed; null before. */
  readonly agreed: Content | null;
  /** The last attempt to create it got no answer. */
  readonly mayHaveCopy?: boolean;
}

export type SideStates = Readonly<Partial<Record<SideName, SideState>>>;

/** What is stored of an event on one side, whatever it shows. */
interface SideState {
  readonly isOwned: boolean;
  /** Its deletion has been confirmed. */
  readonly isGone: boolean;
  /** The side has it, and nothing suggests that it is gone. */
  readonly isPresent: boolean;
  /** False: it has to be read again. */
  readonly isConfirmed: boolean;
}

/** Lookups in what was loaded. */
export interface Known {
  /** What a side cannot hold of an event; null: it can. */
  readonly unsupported: (side: SideName, event: CalendarEvent) => EventProblem | null;
  /** The optional fields that each side has; none where absent. */
  readonly forms?: Readonly<Record<SideName, OptionalForms>>;
  readonly journalOf: (linkId: string) => Journal;
  /** What was written to the same field within 24 hours, oldest first, and this value, as hashes. */
  readonly writesLastDay: (
    linkId: string,
    side: SideName,
    value: ChangedValue,
  ) => { readonly earlier: readonly string[]; readonly hash: string };
  /** Links of the events that a side has under a UID. */
  readonly linksWithUid: (side: SideName, uid: string) => readonly string[];
  /**
   * Copies that other pairs have just put under a UID into the calendar of that side, or are about to. `knownBy`: the
   * link of this pair that has the copy; null: it has not been found yet.
   */
  readonly copiesByOtherPairs: (side: SideName, uid: string) => readonly { readonly knownBy: string | null }[];
}
