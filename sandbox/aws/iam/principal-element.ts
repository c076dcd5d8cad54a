/** The Principal and NotPrincipal elements of resource policies and trust policies ("AWS JSON policy elements: Principal"). */

import { malformed, UnknownPolicyElementError } from './policy-errors.ts';

/** Who asks, by the names a policy may call it. */
export type Asker =
  | { readonly service: string }
  /** ARN of the identity provider whose token was verified. */
  | { readonly federated: string }
  | { readonly account: string; readonly roleArn?: string; readonly sessionArn?: string; readonly bounded: boolean };

/**
 * How an Allow reaches the asker: `direct` to the session or the service itself, to the `role` it assumed, whose boundary still limits,
 * or only to its `account`, which delegates the decision to identity policies.
 */
export type Reach = 'direct' | 'role' | 'account';

export interface PrincipalElement {
  readonly negated: boolean;
  readonly everyone: boolean;
  /** Account ids, ARNs of roles and sessions, names of services. */
  readonly names: ReadonlySet<string>;
}

const ACCOUNT = /^(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?$/;
const IDENTITY = /^arn:[\w-]+:(?:iam::\d{12}:(?:role|user)|sts::\d{12}:(?:assumed-role|federated-user))\/[^*?]+$/;
const KNOWN_TYPES = ['AWS', 'Service', 'Federated'];

/** @throws MalformedPolicyError @throws UnknownPolicyElementError for a principal type not known here, such as CanonicalUser */
export function parsePrincipalElement(element: unknown, negated: boolean, where: string): PrincipalElement {
  if (element === '*') return { negated, everyone: true, names: new Set() };
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    return malformed(
      `the principal of ${where} is ${JSON.stringify(element)}: write "*" or an object such as {"Service": "events.amazonaws.com"}`,
    );
  }
  const names = new Set<string>();
  let everyone = false;
  for (const [type, value] of Object.entries(element)) {
    if (!KNOWN_TYPES.includes(type)) throw new UnknownPolicyElementError(type, 'principal type', where, KNOWN_TYPES);
    const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (entries.length === 0) malformed(`principal type ${type} of ${where} is empty: name a principal`);
    for (const entry of entries) {
      if (typeof entry !== 'string') malformed(`principal ${JSON.stringify(entry)} of ${where} is no text`);
      else if (type === 'AWS' && entry === '*') everyone = true;
      else if (type === 'Service' && /[*?]/.test(entry))
        malformed(`service "${entry}" of ${where} has a wildcard: name the service in full`);
      // Its type keeps a provider apart from a service of that name.
      else names.add(type === 'AWS' ? awsPrincipal(entry, where) : `${type}:${entry}`);
    }
  }
  if (names.size === 0 && !everyone) malformed(`the principal of ${where} is empty: name a principal`);
  return { negated, everyone, names };
}

function awsPrincipal(text: string, where: string): string {
  const account = ACCOUNT.exec(text)?.[1];
  if (account !== undefined && (text.length === 12 || text.endsWith(':root'))) return account;
  if (IDENTITY.test(text)) return text;
  return malformed(
    `principal "${text}" of ${where} is no account, role, session or user: write a whole ARN, wildcards cannot stand for a part`,
  );
}

/** How an Allow with this element reaches the asker; undefined when it does not. */
export function reachOf(element: PrincipalElement, asker: Asker): Reach | undefined {
  const named = namedAs(element, asker);
  if (element.negated) return named === undefined ? 'direct' : undefined;
  return named;
}

/** Whether a Deny with this element hits the asker. */
export function denies(element: PrincipalElement, asker: Asker): boolean {
  if (!element.negated) return namedAs(element, asker) !== undefined;
  if (!('account' in asker) || element.everyone) return namedAs(element, asker) === undefined;
  // "NotPrincipal": the account must be named beside the role or session, and whoever has a boundary is always denied.
  const named = [asker.roleArn, asker.sessionArn].some((arn) => arn !== undefined && element.names.has(arn));
  return asker.bounded || !named || !element.names.has(asker.account);
}

function namedAs({ everyone, names }: PrincipalElement, asker: Asker): Reach | undefined {
  if (everyone) return 'direct';
  if ('service' in asker) return names.has(`Service:${asker.service}`) ? 'direct' : undefined;
  if ('federated' in asker) return names.has(`Federated:${asker.federated}`) ? 'direct' : undefined;
  if (asker.sessionArn !== undefined && names.has(asker.sessionArn)) return 'direct';
  if (asker.roleArn !== undefined && names.has(asker.roleArn)) return 'role';
  return names.has(asker.account) ? 'account' : undefined;
}
