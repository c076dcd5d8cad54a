/** Permissions: what widens, and what is broad however it came. */
import type { PolicyChange } from '../permissions/planned-policies.ts';
import { isOfSomethingGone, isOfSomethingNew } from '../permissions/policy-owner.ts';
import { broadActions, foreignAccounts, isPublic, namesEveryResource } from '../permissions/reach.ts';
import type { Statement } from '../permissions/statement.ts';
import { statementName, statementText } from '../permissions/statement-text.ts';
import { textAt, valueAt } from '../plan-values.ts';
import type { Check, Place, Reviewed } from '../reviewed.ts';
import { emptied, fromTo, isEmpty, isPlanned, ofEach, stays } from './changed-values.ts';

const placesOf = ({ policies }: Reviewed, find: (policy: PolicyChange) => readonly string[]): readonly Place[] =>
  policies.flatMap((policy) => find(policy).map((detail) => ({ address: policy.change.address, detail })));

/** Parts that are allowed from now on. */
const gainedIn = ({ statements }: PolicyChange): readonly { readonly name: string; readonly part: Statement }[] =>
  statements.flatMap(({ gained, after, before }) =>
    gained.filter(({ effect }) => effect === 'Allow').map((part) => ({ name: statementName(after ?? before ?? part), part })),
  );

/** Of what is there already: a new role's policy is told by its statements, and by what is broad in it. */
export const permissionWidens: Check = (reviewed) =>
  placesOf(reviewed, (policy) =>
    isOfSomethingNew(policy.change, reviewed.plan.changes)
      ? []
      : policy.statements
          .filter(({ effect, gained }) => effect.startsWith('widens') && gained.some((part) => part.effect === 'Allow'))
          .map(({ gained, kind, after, before }) => {
            const parts = gained.map(statementText);
            const name = statementName(after ?? before ?? (gained[0] as Statement));
            return `${kind === 'new' ? 'new statement' : 'statement'} ${name} allows ${parts.length} more: ${few(parts)}`;
          }),
  );

const few = (texts: readonly string[]): string =>
  texts.length <= 3 ? texts.join('; ') : `${texts.slice(0, 3).join('; ')}; and ${texts.length - 3} more`;

export const denyLost: Check = (reviewed) =>
  placesOf(reviewed, ({ statements, change }) =>
    isOfSomethingGone(change, reviewed.plan.changes)
      ? []
      : statements.flatMap(({ gained, before, after }) => {
          const parts = gained.filter(({ effect }) => effect === 'Deny').map(statementText);
          return parts.length === 0 || before === undefined
            ? []
            : [`${after === undefined ? 'gone' : 'narrower'}: ${statementName(before)}; not refused any more: ${few(parts)}`];
        }),
  );

/**
 * Not of an endpoint, whose policy permits nobody anything by itself; nor of a key's account, which has to have all, or nobody could
 * administer the key (AWS KMS Developer Guide, "Default key policy").
 */
export const broadAction: Check = (reviewed) =>
  placesOf(reviewed, (policy) =>
    policy.kind === 'network'
      ? []
      : gainedIn(policy)
          .filter(
            ({ part }) =>
              !(part.principals?.names.length === 1 && part.principals.names[0] === `AWS:arn:aws:iam::${reviewed.account}:root`),
          )
          .flatMap(({ name, part }) => broadActions(part).map((action) => `statement ${name} allows ${action}`)),
  );

export const everyResource: Check = (reviewed) =>
  placesOf(reviewed, (policy) =>
    policy.kind !== 'identity'
      ? []
      : [
          ...new Set(
            gainedIn(policy).flatMap(({ name, part }) => (namesEveryResource(part) ? [`statement ${name} names every resource`] : [])),
          ),
        ],
  );

export const publicPrincipal: Check = (reviewed) =>
  placesOf(reviewed, (policy) =>
    policy.kind === 'network'
      ? []
      : [...new Set(gainedIn(policy).flatMap(({ name, part }) => (isPublic(part) ? [`statement ${name} lets everybody in`] : [])))],
  );

export const otherAccount: Check = (reviewed) =>
  placesOf(reviewed, (policy) => [
    ...new Set(
      gainedIn(policy).flatMap(({ name, part }) =>
        foreignAccounts(part, reviewed.account).map((account) => `statement ${name} lets account ${account} in`),
      ),
    ),
  ]);

/** A policy of something new that nobody can read is no change of what is there. */
export const permissionUnknown: Check = (reviewed) =>
  placesOf(reviewed, ({ problem }) => (problem === undefined ? [] : [`it cannot be compared: ${problem}`]));

export const boundaryRemoved: Check = ofEach(['aws_iam_role', 'aws_iam_user'], (change) =>
  stays(change) ? emptied(change, 'permissions_boundary') : undefined,
);

export const boundaryChanged: Check = ofEach(['aws_iam_role', 'aws_iam_user'], (change) => {
  const [old, next] = [valueAt(change.before, 'permissions_boundary'), valueAt(change.after, 'permissions_boundary')];
  return stays(change) && !isEmpty(next) && old !== next && !isEmpty(old) ? fromTo('permissions_boundary', old, next) : undefined;
});

const attachments = ['aws_iam_role_policy_attachment', 'aws_iam_user_policy_attachment', 'aws_iam_policy_attachment'];

/** Managed policies of AWS that bring all of a service, or of all services. */
const isSweeping = (arn: string): boolean => /:policy\/(?:[\w-]+\/)*(?:AdministratorAccess[\w-]*|PowerUserAccess|\w*FullAccess)$/.test(arn);

const attached = (wanted: (arn: string) => boolean): Check =>
  ofEach(attachments, (change) => {
    const arn = textAt(change.after, 'policy_arn');
    if (!isPlanned(change) || arn === undefined || arn === textAt(change.before, 'policy_arn') || !wanted(arn)) return undefined;
    return `${arn} is attached`;
  });

export const sweepingPolicyAttached: Check = attached(isSweeping);
export const policyAttached: Check = attached((arn) => !isSweeping(arn));

export const longLivedKey: Check = ofEach(
  ['aws_iam_access_key', 'aws_iam_user_login_profile', 'aws_iam_service_specific_credential'],
  (change) =>
    change.action === 'create' || change.action === 'replace'
      ? 'it makes a key that does not expire, and keeps it in the state'
      : undefined,
);
