/** The message from decide-access to sync-roles: make this principal's roles what the grants table says. */
import * as v from 'valibot';
import { causeSchema } from '../events/identity-event.ts';

export const roleMessageSchema = v.strictObject({
  domain: v.pipe(v.string(), v.nonEmpty()),
  guid: v.pipe(v.string(), v.nonEmpty()),
  revision: v.number(),
  cause: causeSchema,
});

export type RoleMessage = v.InferOutput<typeof roleMessageSchema>;
