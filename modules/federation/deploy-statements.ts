/** The statements of a deploy role, from the resources of the stack that it deploys, and their split into policies of IAM's size. */
import { policyDocument, type Statement } from '../platform/policy.ts';
import { WrongPropError } from '../platform/prop-checks.ts';
import { type DeployPermission, deployPermissions, readPermissions } from './deploy-permissions.ts';
import type { DeployTarget, SynthesizedResource } from './deploy-target.ts';

/** Characters of a managed policy, white space apart, and managed policies of a role (IAM User Guide, "IAM and AWS STS quotas"). */
export const mostManagedCharacters = 6144;
const mostManagedPolicies = 10;

/** @throws WrongPropError for types of resources that the table has not */
export function deployStatements(
  target: DeployTarget,
  resources: readonly SynthesizedResource[],
  data: readonly SynthesizedResource[],
  formerTypes: readonly string[],
): readonly Statement[] {
  const former = formerTypes.map((type) => ({ type, arguments: {} }));
  const rows = [...rowsOf([...resources, ...former], deployPermissions), ...rowsOf(data, readPermissions, 'data.')];
  const merged = new Map<
    string,
    { readonly type: string; readonly actions: Set<string>; readonly on: Set<string>; readonly when: Statement['Condition'] }
  >();
  for (const { type, permission, resource } of rows) {
    const on = permission.on(target, resource);
    if (on.length === 0) continue;
    const when = permission.when?.(target, resource);
    const key = JSON.stringify([[...on].sort(), when]);
    const same = merged.get(key) ?? { type, actions: new Set<string>(), on: new Set(on), when };
    for (const action of permission.actions) same.actions.add(action);
    merged.set(key, same);
  }
  const sids = new Map<string, number>();
  return [...merged.values()].map(({ type, actions, on, when }) => ({
    Sid: numbered(sids, type),
    Effect: 'Allow' as const,
    Action: [...actions].sort(),
    Resource: [...on],
    ...(when === undefined ? {} : { Condition: when }),
  }));
}

/** Documents of at most IAM's size, statements in order. @throws WrongPropError for more than a role can have */
export function splitPolicies(statements: readonly Statement[]): readonly string[] {
  const documents: Statement[][] = [];
  for (const statement of statements) {
    const last = documents.at(-1);
    if (last && policyDocument([...last, statement]).length <= mostManagedCharacters) last.push(statement);
    else documents.push([statement]);
  }
  if (documents.length > mostManagedPolicies) {
    throw new WrongPropError(
      `the deploy role would need ${documents.length} managed policies, IAM allows ${mostManagedPolicies}: split the stack into two`,
    );
  }
  return documents.map((document) => {
    const text = policyDocument(document);
    if (text.length <= mostManagedCharacters) return text;
    throw new WrongPropError(
      `statement "${document[0]?.Sid}" of the deploy role has ${text.length} characters, IAM allows ${mostManagedCharacters}: name fewer resources of others`,
    );
  });
}

interface Row {
  readonly type: string;
  readonly permission: DeployPermission;
  readonly resource: SynthesizedResource['arguments'];
}

function rowsOf(
  resources: readonly SynthesizedResource[],
  table: Readonly<Record<string, readonly DeployPermission[]>>,
  kind = '',
): readonly Row[] {
  // Types of other providers, and null resources, call nothing at AWS.
  const ours = resources.filter(({ type }) => type.startsWith('aws_')).sort((one, other) => (one.type < other.type ? -1 : 1));
  const unknown = [...new Set(ours.filter(({ type }) => !Object.hasOwn(table, type)).map(({ type }) => `${kind}${type}`))];
  if (unknown.length > 0) {
    throw new WrongPropError(
      `the stack has ${unknown.join(', ')}, of which no deploy permissions are known: add ${unknown.length > 1 ? 'them' : 'it'} to modules/federation/deploy-permissions.ts`,
    );
  }
  return ours.flatMap(({ type, arguments: resource }) => (table[type] ?? []).map((permission) => ({ type, permission, resource })));
}

/** `aws_sqs_queue` → SqsQueue, SqsQueue2. */
function numbered(sids: Map<string, number>, type: string): string {
  const name = type.replace(/^aws/, '').replace(/_([a-z0-9])/g, (_, first: string) => first.toUpperCase());
  const count = (sids.get(name) ?? 0) + 1;
  sids.set(name, count);
  return count === 1 ? name : `${name}${count}`;
}
