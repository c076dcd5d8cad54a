/** Checks of props. What synth can know is refused at synth, with the value and the remedy; a token is known only at apply and passes. */
import { Token } from 'cdktf';

/** A list that holds at least one element, refused by the type checker when empty. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** Retention that CloudWatch Logs accepts, in days (Amazon CloudWatch Logs API Reference, PutRetentionPolicy). */
export const logRetentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;
export type LogRetentionDays = (typeof logRetentions)[number];

/** A prop has a value that cannot be deployed. The message names the value and the remedy. */
export class WrongPropError extends Error {
  override readonly name = 'WrongPropError';
}

/** The value, when it has the format or is a token. */
export function matching(prop: string, value: string, format: RegExp, remedy: string): string {
  // Without the type checker's help a prop may be missing, and its name would be "undefined".
  if (typeof value !== 'string') throw new WrongPropError(`${prop} is ${JSON.stringify(value)}: ${remedy}`);
  if (!Token.isUnresolved(value) && !format.test(value)) throw new WrongPropError(`${prop} is "${value}": ${remedy}`);
  return value;
}

/** A prop that is an object of props. */
export function present<T extends object>(prop: string, value: T, remedy: string): T {
  if (typeof value !== 'object' || value === null) throw new WrongPropError(`${prop} is ${JSON.stringify(value)}: ${remedy}`);
  return value;
}

export function nonEmpty<T extends object | string>(prop: string, values: readonly T[], remedy: string): NonEmpty<T> {
  if (!Array.isArray(values)) throw new WrongPropError(`${prop} is ${JSON.stringify(values)}: give a list; ${remedy}`);
  const [first, ...others] = values;
  if (first === undefined) throw new WrongPropError(`${prop} is empty: ${remedy}`);
  return [first, ...others];
}

/** Whether any value of it is known only at apply. */
export function hasToken(value: unknown): boolean {
  if (Token.isUnresolved(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasToken);
}

export function logRetention(prop: string, days: number): number {
  if (!(logRetentions as readonly number[]).includes(days)) {
    throw new WrongPropError(`${prop} is ${days}: give one that CloudWatch Logs accepts (${logRetentions.join(', ')})`);
  }
  return days;
}

export function wholeNumber(prop: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new WrongPropError(`${prop} is ${value}: give a whole number from ${least} to ${most}`);
  }
  return value;
}

export const formats = {
  account: /^\d{12}$/,
  region: /^[a-z]{2}(?:-[a-z]+)+-\d$/,
  vpc: /^vpc-[0-9a-f]{8,17}$/,
  subnet: /^subnet-[0-9a-f]{8,17}$/,
  securityGroup: /^sg-[0-9a-f]{8,17}$/,
  prefixList: /^pl-[0-9a-f]{8,17}$/,
  routeTable: /^rtb-[0-9a-f]{8,17}$/,
  /** Length and shape of `IdentityStoreId` in the Identity Store API Reference. */
  identityStore: /^(?:d-[0-9a-f]{10}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
  /** `DirectoryId` in the AWS Directory Service API Reference. */
  managedDirectory: /^d-[0-9a-f]{10}$/,
  /** A DNS name of at least two labels (RFC 1123 section 2.1): Active Directory refuses a domain of one. */
  domain: /^(?=.{3,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i,
  secretArn: /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}$/,
  policyArn: /^arn:[a-z-]+:iam::(?:\d{12}|aws):policy\/[\w+=,.@/-]+$/,
  kmsKeyArn: /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
  baseUrl: /^https:\/\/[^\s"<>${}]{0,200}[^\s"<>${}/]$/,
  alarmAction: /^arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:\d{12}:[^*?\s"$]+$/,
} as const;
