/**
 * The role through which an integration reaches IAM Identity Center in another account: for a stack of that account, which is the management
 * account as a rule, or the one that Identity Center is delegated to.
 */
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { Construct } from 'constructs';
import { roleArnFormat, sessionTagKeys } from '../../handlers/roles/targets/identity-center/assume-role.ts';
import { permissionsInAccount } from '../../handlers/roles/targets/identity-center/permissions.ts';
import type { IdentityCenterSettings } from '../../handlers/roles/targets/identity-center/settings.ts';
import { defaultPrefix, type IntegrationEnvironmentProps } from '../platform/integration-environment.ts';
import { policyDocument, type Statement } from '../platform/policy.ts';
import { checkPolicySize, checkTrustPolicySize } from '../platform/policy-size.ts';
import { formats, matching, WrongPropError } from '../platform/prop-checks.ts';
import { describedTarget, type TargetProps, withoutNeedlessDeletions } from './target-props.ts';

export interface TargetAccessProps {
  /** The integration that comes: what its environment was given, or the `IntegrationEnvironment` itself. */
  readonly environment: Pick<IntegrationEnvironmentProps, 'name' | 'account' | 'prefix'>;
  /** The target as the integration was given it, to the letter: its `identityCenter.assumeRole` names this role. */
  readonly target: TargetProps;
  /**
   * Account that IAM Identity Center was turned on in, 12 digits, where the role is in the one that it is delegated to: ARNs of the identity
   * store carry it. @default the role's own account
   */
  readonly identityCenterAccount?: string;
  /** Permissions boundary of the role. @default none */
  readonly permissionsBoundaryArn?: string;
}

/** Seconds a session may last at most, the least that IAM can be told. The functions ask for 900. */
const maxSessionSeconds = 3600;

type Opener = 'sync-roles' | 'reconcile';

/**
 * @example
 * new TargetAccess(stack, 'access', {
 *   environment: { name: 'prod', account: '111122223333' },
 *   target: {
 *     identityCenter: {
 *       identityStoreId: 'd-1234567890',
 *       assumeRole: { roleArn: 'arn:aws:iam::444455556666:role/directory-roles', externalId: '6f1c1f0e-3a55-4f2b-9f0b-6a0a6d4c2f11' },
 *     },
 *   },
 * });
 */
export class TargetAccess extends Construct {
  readonly roleArn: string;

  constructor(scope: Construct, id: string, props: TargetAccessProps) {
    super(scope, id);
    const { name, onDeleted, center, role } = checkedTarget(props.target);
    const place = {
      partition: role.partition,
      account: matching(
        'identityCenterAccount',
        props.identityCenterAccount ?? role.account,
        formats.account,
        'give the 12 digits of an account',
      ),
    };
    const trust = trustPolicyOf(rolesOf(props.environment, role.partition, name), role.externalId, props.environment.name, name);
    checkTrustPolicySize(role.name, trust, 'externalId');
    const boundary = props.permissionsBoundaryArn;
    const created = new IamRole(this, 'role', {
      name: role.name,
      path: role.path,
      description: `${name} of ${props.environment.prefix ?? defaultPrefix} ${props.environment.name}: exactly the calls its functions make here`,
      assumeRolePolicy: trust,
      maxSessionDuration: maxSessionSeconds,
      ...(boundary === undefined
        ? {}
        : { permissionsBoundary: matching('permissionsBoundaryArn', boundary, formats.policyArn, 'give the ARN of an IAM policy') }),
    });
    // reconcile has no right to change anything, here as at home: the session's tag tells the functions apart.
    const policy = policyDocument([
      ...withoutNeedlessDeletions({ onDeleted }, permissionsInAccount(center, place, 'keep')).map((one) => only('sync-roles', one)),
      ...permissionsInAccount(center, place, 'read').map((one) => only('reconcile', one)),
    ]);
    checkPolicySize(role.name, policy);
    new IamRolePolicy(this, 'policy', { name: 'identity-center', role: created.name, policy });
    this.roleArn = created.arn;
  }
}

function only(opener: Opener, statement: Statement): Statement {
  return { ...statement, Condition: { StringEquals: { 'aws:PrincipalTag/Function': opener } } };
}

/** @throws WrongPropError for a target that is not reached through a role, or whose role is not known yet */
function checkedTarget(target: TargetProps) {
  const { settings } = describedTarget(target);
  const { name, kind, onDeleted } = settings;
  // The kind's own schema has checked its settings.
  const center = kind === 'identity-center' ? (settings.settings as IdentityCenterSettings) : undefined;
  if (center?.assumeRole === undefined)
    throw new WrongPropError(`target "${name}" is reached without a role of another account: give it identityCenter.assumeRole`);
  const { roleArn, externalId } = center.assumeRole;
  const { partition, account, path, name: roleName } = roleArnFormat.exec(roleArn)?.groups ?? {};
  if (partition === undefined || account === undefined || path === undefined || roleName === undefined)
    throw new WrongPropError(`assumeRole.roleArn of target "${name}" is known only at apply: the role is named after it, write it out`);
  return { name, onDeleted, center, role: { partition, account, path, name: roleName, externalId } };
}

/** ARNs of the only two roles that may come, by function. */
function rolesOf(environment: TargetAccessProps['environment'], partition: string, target: string): Readonly<Record<Opener, string>> {
  const word = 'give what the integration was given: lower-case letters, digits and "-", starting with a letter';
  const format = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
  const prefix = matching('environment.prefix', environment.prefix ?? defaultPrefix, format, word);
  const name = matching('environment.name', environment.name, format, word);
  const account = matching('environment.account', environment.account, formats.account, 'give the 12 digits of the account id');
  const arn = (opener: Opener) => `arn:${partition}:iam::${account}:role/${prefix}-${name}-${opener}-${target}`;
  return { 'sync-roles': arn('sync-roles'), reconcile: arn('reconcile') };
}

/** Each role comes with the external id, and with the tags of its own function and no others. */
function trustPolicyOf(roles: Readonly<Record<Opener, string>>, externalId: string, environment: string, target: string): string {
  const assumes = (Sid: string, opener: Opener) => ({
    Sid,
    Effect: 'Allow',
    Principal: { AWS: roles[opener] },
    Action: ['sts:AssumeRole'],
    Condition: {
      StringEquals: {
        'sts:ExternalId': externalId,
        'aws:RequestTag/Environment': environment,
        'aws:RequestTag/Target': target,
        'aws:RequestTag/Function': opener,
      },
    },
  });
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      assumes('SyncRolesComes', 'sync-roles'),
      assumes('ReconcileComes', 'reconcile'),
      {
        // A right of its own, which knows no external id (Service Authorization Reference, "AWS Security Token Service").
        Sid: 'TheyTagTheirSession',
        Effect: 'Allow',
        Principal: { AWS: Object.values(roles) },
        Action: ['sts:TagSession'],
        Condition: {
          'ForAllValues:StringEquals': { 'aws:TagKeys': sessionTagKeys },
          Null: { 'sts:TransitiveTagKeys': 'true' },
        },
      },
    ],
  });
}
