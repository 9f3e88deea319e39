/** Why a run began (contract: `trigger`). */
export type Trigger = 'start' | 'poll' | 'signal' | 'webhook' | 'resync' | 'undo';
