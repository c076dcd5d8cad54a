/** Role mappings and policies: what differs, and whom it concerns. */
import { type AccessEffect, effectKinds } from '../access/access-effects.ts';
import type { Check, Place, Reviewed } from '../reviewed.ts';

/** Where a finding about access is shown: the first object that changes. */
const placed = ({ access }: Reviewed, detail: string): readonly Place[] => [{ address: access.objects.addresses[0] ?? 'access', detail }];

const concerning =
  (wanted: readonly AccessEffect['kind'][], told: (users: number, roles: number) => string): Check =>
  (reviewed) => {
    const effects = (reviewed.access.effects?.effects ?? []).filter(({ kind }) => wanted.includes(kind));
    if (effects.length === 0) return [];
    return placed(reviewed, told(new Set(effects.map(({ principal }) => principal.guid)).size, effects.length));
  };

const [gains, loses, changes, violates] = effectKinds;

export const accessGiven: Check = concerning([gains, changes], (users, roles) => `${users} users would gain or change ${roles} roles`);
export const accessTaken: Check = concerning([loses], (users, roles) => `${users} users would lose ${roles} roles`);
export const accessViolated: Check = concerning(
  [violates],
  (users, roles) => `${users} users would keep ${roles} roles that a policy forbids`,
);

/** Without a mirror nobody can say whom it concerns. */
export const accessChanged: Check = (reviewed) => {
  const { mappings, policies, settings } = reviewed.access.difference;
  const names = [
    ...mappings.map(({ id, kind }) => `mapping ${id} (${kind})`),
    ...policies.map(({ name, kind }) => `policy ${name} (${kind})`),
    ...settings.map(({ name }) => `setting ${name}`),
  ];
  return names.length === 0 ? [] : placed(reviewed, names.join(', '));
};

export const accessUnreadable: Check = ({ access }) =>
  access.objects.problems.map(({ address, problem }) => ({ address, detail: problem }));
