/** The stack's targets as its functions are told of them, and what others have made at Identity Center before: the sandbox makes it too. */
import type { AwsEndpoint } from './aws/endpoint.ts';
import type { AppliedStack } from './terraform/applied-stack.ts';
import type { Template } from './terraform/template.ts';

export interface RoleTarget {
  readonly name: string;
  readonly kind: string;
  readonly settings: {
    readonly identityStoreId?: string;
    readonly instanceArn?: string;
    /** ARN by name. */
    readonly permissionSets?: Readonly<Record<string, string>>;
    readonly endpoint?: string;
    /** Where Identity Center is in another account. */
    readonly assumeRole?: { readonly roleArn: string };
    readonly authentication?: Readonly<Record<string, unknown>>;
  };
  readonly onDeleted?: string;
}

const parse = (texts: Iterable<string | undefined>): readonly RoleTarget[] => {
  const targets = [...texts].flatMap((text) => (text === undefined ? [] : [JSON.parse(text) as RoleTarget]));
  return [...new Map(targets.map((target) => [target.name, target])).values()];
};

/** As the template writes them: a reference is not resolved yet. */
export const targetsInTemplate = ({ blocks }: Pick<Template, 'blocks'>): readonly RoleTarget[] =>
  parse(
    [...blocks.values()].map(({ type, config }) => {
      const environment = type === 'aws_lambda_function' ? (config.environment as { variables?: Record<string, string> }) : undefined;
      return environment?.variables?.TARGET;
    }),
  );

export const targetsOf = ({ functions }: Pick<AppliedStack, 'functions'>): readonly RoleTarget[] =>
  parse([...functions.values()].map(({ environment }) => environment.TARGET));

/** The account that Identity Center is in, by the role that leads there. */
export const identityCenterAccountOf = (targets: readonly RoleTarget[]): string | undefined =>
  targets.flatMap(({ settings }) => settings.assumeRole?.roleArn.split(':')[4] ?? []).at(0);

/** Targets that take a token of AWS's own: at AWS, whoever owns the account turns that on once. */
export async function enableIdentityTokens(endpoint: AwsEndpoint, targets: readonly RoleTarget[]): Promise<void> {
  if (targets.some(({ settings }) => settings.authentication !== undefined && 'webIdentity' in settings.authentication))
    await endpoint.call('operator', 'iam', 'EnableOutboundWebIdentityFederation', {});
}

/** The permission sets that the targets assign: at AWS, whoever runs Identity Center has made them. */
export async function createPermissionSets(endpoint: AwsEndpoint, targets: readonly RoleTarget[]): Promise<void> {
  for (const { settings } of targets) {
    for (const [Name, PermissionSetArn] of Object.entries(settings.permissionSets ?? {}))
      await endpoint.call('operator', 'sso', 'CreatePermissionSet', { InstanceArn: settings.instanceArn, Name, PermissionSetArn });
  }
}
