/** The message from decide-access and reconcile to sync-roles: make this principal's roles what the grants table says. */
import * as v from 'valibot';
import { driftKinds } from '../events/catalogue.ts';
import { causeSchema } from '../events/identity-event.ts';

const text = v.pipe(v.string(), v.nonEmpty());

/** What reconcile saw at the target. It is read again before anything is done about it: a listing is old when it is complete. */
const driftSchema = v.strictObject({ run: text, kinds: v.pipe(v.array(v.picklist(driftKinds)), v.minLength(1)) });

/** Of one principal: what it should have and has. `drift` set: look at the target first, what the ledger says may not be so. */
const principalMessage = v.strictObject({
  domain: text,
  guid: text,
  /** Of the grants table's item that the sender saw. */
  revision: v.number(),
  cause: causeSchema,
  drift: v.optional(driftSchema),
  /** Roles that its account was seen in and that no decision gives it, by name. */
  extraRoles: v.optional(v.array(text)),
});

/** Of one role at the target: its name, assignments, and members that are no principals of ours. */
const roleDriftMessage = v.strictObject({
  role: text,
  /** Accounts of the target, by its own id, that are members and should not be. */
  extraMembers: v.array(text),
  /** What the decisions say the role brings: all of it. What was made after `cause.detectedAt` is not judged by it. */
  assignments: v.array(v.strictObject({ account: text, permissionSet: text })),
  cause: causeSchema,
  drift: driftSchema,
});

/** Of the target as a whole: sessions that were cut are looked after. */
const sweepMessage = v.strictObject({ sweep: v.literal('sessions'), run: text });

export const roleMessageSchema = v.union([principalMessage, roleDriftMessage, sweepMessage]);

export type RoleMessage = v.InferOutput<typeof roleMessageSchema>;
export type PrincipalMessage = v.InferOutput<typeof principalMessage>;
export type SweepMessage = v.InferOutput<typeof sweepMessage>;
export type RoleDriftMessage = v.InferOutput<typeof roleDriftMessage>;
