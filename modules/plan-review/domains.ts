/** Which room of the integration a planned resource belongs to. */
import { functions } from '../../handlers/functions.ts';
import { textAt, type Values } from './plan-values.ts';

export const domains = [
  'directory',
  'access',
  'roles',
  'credentials',
  'audit',
  'events',
  'federation',
  'operations',
  'platform',
  'other',
] as const;
export type Domain = (typeof domains)[number];

/** Constructs of the integration by their ids, which are public contract, and the domain of each. */
const constructs: Readonly<Record<string, Domain>> = {
  directory: 'directory',
  access: 'access',
  roles: 'roles',
  'access-review': 'roles',
  credentials: 'credentials',
  audit: 'audit',
  federation: 'federation',
  operations: 'operations',
  bus: 'events',
  environment: 'platform',
  configuration: 'platform',
};

/** cdktf makes a resource's name of its construct path, joined by `_`, and a hash. Of others, names tell: those of functions, of the tables. */
export function domainOf(address: string, type: string, values: Values): Domain {
  // What a function is configured with belongs to who reads it.
  if (type === 'aws_s3_object' && /^(?:access|policies)\//.test(textAt(values, 'key') ?? '')) return 'access';
  const steps = (address.split('.').at(-1) ?? '').replace(/\[.*$/, '').split('_');
  // The stack's own construct comes first, whatever it is called, so the outermost known one wins.
  const step = steps.slice(0, 3).find((one) => Object.hasOwn(constructs, one));
  if (step !== undefined) return constructs[step] ?? 'other';
  const names = ['function_name', 'name', 'role', 'alarm_name', 'bucket'].flatMap((attribute) => textAt(values, attribute) ?? []);
  const [, domain] = Object.entries(functions).find(([name]) => names.some((one) => one.includes(name))) ?? [];
  return domains.find((one) => one === domain) ?? 'other';
}
