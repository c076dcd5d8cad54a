/** SCIM 2.0 as a kind of target: any cloud or program that takes users and groups by RFC 7644. */
import { profileAttributes } from '../../../access/grants.ts';
import type { TargetKind } from '../kind.ts';
import { permissionsOf } from './permissions.ts';
import { type ScimSettings, settingsSchema } from './settings.ts';

export const scim = {
  settings: settingsSchema,
  // A token of AWS's own proves who calls: nobody would read one.
  secret: ({ authentication }) => !('webIdentity' in authentication),
  attributes: profileAttributes,
  assignable: () => undefined,
  permissions: permissionsOf,
  open: async (settings, surroundings) => (await import('./scim-target.ts')).scimTarget(settings, surroundings),
} satisfies TargetKind<ScimSettings>;
