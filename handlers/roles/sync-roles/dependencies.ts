/** What one message of sync-roles is handled with. */
import type { Grants } from '../../access/grants.ts';
import type { ApplyDependencies } from '../apply.ts';
import type { Guard } from '../guard.ts';
import type { TargetRules } from '../plan.ts';
import type { TellingDependencies } from './telling.ts';

export interface SyncRolesDependencies extends ApplyDependencies, TellingDependencies {
  readonly grants: Pick<Grants, 'read'>;
  readonly guard: Pick<Guard, 'admit' | 'held'>;
  readonly onInactive: TargetRules['onInactive'];
  readonly onDeleted: TargetRules['onDeleted'];
}

/** Times that steps are taken up again at once: behind what vanished, another run's write, or an answer that was lost. */
export const attempts = 3;
/** A target may show what was changed a moment later. */
export const pauseMs = 200;
/** Less is left to the next receive of the message. */
export const leastMs = 20_000;
