/**
 * The permissions boundary of the deploy role itself: it holds whatever is attached to the role later, an administrator's policy included.
 * What is not allowed here cannot be given by any policy, and what is denied here stays denied.
 */
import { policyDocument, type Statement } from '../platform/policy.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { mostManagedCharacters } from './deploy-statements.ts';
import { type DeployTarget, deployPath } from './deploy-target.ts';

/** Making people, keys, policies and trust: never a deployment's work. */
const neverActions = [
  'iam:AddRoleToInstanceProfile',
  'iam:AddUserToGroup',
  'iam:Attach*',
  'iam:ChangePassword',
  'iam:CreateAccessKey',
  'iam:CreateAccountAlias',
  'iam:CreateGroup',
  'iam:CreateInstanceProfile',
  'iam:CreateLoginProfile',
  'iam:CreateOpenIDConnectProvider',
  'iam:CreatePolicy',
  'iam:CreatePolicyVersion',
  'iam:CreateSAMLProvider',
  'iam:CreateServiceSpecificCredential',
  'iam:CreateUser',
  'iam:DeactivateMFADevice',
  'iam:DeleteRolePermissionsBoundary',
  'iam:Detach*',
  'iam:*OpenIDConnectProvider*',
  'iam:PutGroupPolicy',
  'iam:PutUser*',
  'iam:SetDefaultPolicyVersion',
  'iam:Update*Key*',
  'iam:UpdateLoginProfile',
  'iam:UpdateSAMLProvider',
  'organizations:*',
  'account:*',
  'sts:AssumeRole*',
] as const;

/** What changes a role: only with the environment's boundary on it. */
const roleActions = [
  'iam:CreateRole',
  'iam:DeleteRole',
  'iam:DeleteRolePolicy',
  'iam:PutRolePermissionsBoundary',
  'iam:PutRolePolicy',
  'iam:UpdateAssumeRolePolicy',
  'iam:UpdateRole',
  'iam:UpdateRoleDescription',
] as const;

/**
 * @param statements what the role's own policies allow: of IAM no more than that, of other services the service
 * @returns the policy's text
 * @throws WrongPropError when it is longer than IAM allows
 */
export function deployBoundary(target: DeployTarget, statements: readonly Statement[]): string {
  const actions = [...new Set(statements.flatMap(({ Action: all }) => all))].sort();
  const services = [...new Set(actions.map((action) => action.slice(0, action.indexOf(':'))))].filter((service) => service !== 'iam');
  const identity = actions.filter((action) => action.startsWith('iam:'));
  const text = policyDocument([
    { Sid: 'ServicesOfTheStack', Effect: 'Allow', Action: services.map((service) => `${service}:*`), Resource: ['*'] },
    ...(identity.length === 0
      ? []
      : ([{ Sid: 'RolesOfTheStack', Effect: 'Allow', Action: identity, Resource: [target.iam(`role/${target.own}-*`)] }] as const)),
    {
      Sid: 'NotItself',
      Effect: 'Deny',
      Action: ['iam:*'],
      Resource: [target.iam(`role${deployPath}*`), target.iam(`policy${deployPath}*`), target.boundaryArn, target.iam('oidc-provider/*')],
    },
    { Sid: 'NeverADeploymentsWork', Effect: 'Deny', Action: neverActions, Resource: ['*'] },
    {
      Sid: 'NoRoleWithoutBoundary',
      Effect: 'Deny',
      Action: roleActions,
      Resource: ['*'],
      // Also true where the key is missing: a role without any boundary.
      Condition: { StringNotEquals: { 'iam:PermissionsBoundary': target.boundaryArn } },
    },
    {
      Sid: 'PassedToNobodyElse',
      Effect: 'Deny',
      Action: ['iam:PassRole'],
      Resource: ['*'],
      Condition: { StringNotEquals: { 'iam:PassedToService': target.passedTo } },
    },
    {
      // A secret's own policy, which it may write, would allow what no policy of the role does. CloudFormation sets a new directory up.
      Sid: 'ReadsNoSecret',
      Effect: 'Deny',
      Action: ['secretsmanager:GetSecretValue'],
      Resource: ['*'],
      Condition: { StringNotEquals: { 'aws:CalledViaFirst': 'cloudformation.amazonaws.com' } },
    },
    {
      // CloudWatch does it by a role of its own (CloudWatch User Guide, "Using condition keys to limit alarm actions").
      Sid: 'NoAlarmStopsInstances',
      Effect: 'Deny',
      Action: ['cloudwatch:PutMetricAlarm'],
      Resource: ['*'],
      Condition: { 'ForAnyValue:StringLike': { 'cloudwatch:AlarmActions': ['arn:*:automate:*:ec2:*', 'arn:*:swf:*'] } },
    },
  ]);
  if (text.length > mostManagedCharacters) {
    throw new WrongPropError(
      `boundary of the deploy role has ${text.length} characters, IAM allows ${mostManagedCharacters}: split the stack into two`,
    );
  }
  return text;
}
