/** A plan, read and judged. */
import { accessDifference } from './access/access-difference.ts';
import { accessEffects, type MirrorOfUsers } from './access/access-effects.ts';
import { accessObjects } from './access/access-objects.ts';
import { plannedPolicies } from './permissions/planned-policies.ts';
import { ownAccount } from './permissions/reach.ts';
import { readPlan } from './plan.ts';
import type { Finding, Reviewed } from './reviewed.ts';
import { findingsOf } from './rules.ts';

export interface Review {
  readonly reviewed: Reviewed;
  readonly findings: readonly Finding[];
}

/**
 * @param text what `terraform show -json` wrote
 * @param users of an exported mirror, to say whom it concerns; undefined: there is none
 * @throws PlanError
 */
export async function review(text: string, users: MirrorOfUsers | undefined): Promise<Review> {
  const plan = readPlan(text);
  const objects = accessObjects(plan.changes);
  const difference = accessDifference(objects.before, objects.after);
  const differs = difference.mappings.length + difference.policies.length + difference.settings.length > 0;
  const access = { objects, difference, effects: undefined as Reviewed['access']['effects'] };
  if (users !== undefined && differs && objects.problems.length === 0) {
    try {
      access.effects = await accessEffects(objects.before, objects.after, users);
    } catch (error) {
      // Cedar refuses policies that a synth would have refused; decide-access would refuse them as well.
      if (!(error instanceof Error) || error.name !== 'ConfigurationError') throw error;
      access.objects = { ...objects, problems: [{ address: objects.addresses[0] ?? 'access', problem: error.message }] };
    }
  }
  const reviewed = { plan, policies: plannedPolicies(plan.changes), account: ownAccount(plan.changes), access };
  return { reviewed, findings: findingsOf(reviewed) };
}
