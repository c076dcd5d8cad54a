/** The access configuration and the policies, before and after: S3 objects whose content is in the plan. */
import { type AccessConfiguration, parseAccessConfiguration } from '../../../handlers/access/access-configuration.ts';
import type { PolicyFile } from '../../../handlers/access/policies/policy-set.ts';
import type { PlannedChange } from '../plan.ts';
import { jsonIn, textAt, type Values } from '../plan-values.ts';

/** What decide-access goes by. */
export interface AccessState {
  readonly configuration: AccessConfiguration;
  readonly policies: readonly PolicyFile[];
}

export interface AccessObjects {
  /** Undefined: there was none, or there will be none. */
  readonly before: AccessState | undefined;
  readonly after: AccessState | undefined;
  /** Addresses of the objects that change. */
  readonly addresses: readonly string[];
  /** What cannot be read, and why. */
  readonly problems: readonly { readonly address: string; readonly problem: string }[];
}

const isObject = ({ type }: PlannedChange): boolean => type === 'aws_s3_object';
const keyOf = (values: Values | undefined): string => textAt(values, 'key') ?? '';

/** Objects that do not change count, too: a configuration names its policies by their keys. */
export function accessObjects(changes: readonly PlannedChange[]): AccessObjects {
  const objects = changes
    .filter(isObject)
    .filter(({ before, after }) => [before, after].some((values) => /^(?:access|policies)\//.test(keyOf(values))));
  const problems: { address: string; problem: string }[] = [];
  const stateOf = (side: 'before' | 'after'): AccessState | undefined => {
    const held = objects.filter((change) => change[side] !== undefined && !(side === 'before' && change.action === 'create'));
    const found = held.find((change) => keyOf(change[side]).startsWith('access/'));
    if (found === undefined) return undefined;
    try {
      const configuration = parseAccessConfiguration(jsonIn(textAt(found[side], 'content')));
      const policies = configuration.policies.map(({ name, key }) => {
        const object = held.find((change) => keyOf(change[side]) === key);
        const text = textAt(object?.[side], 'content');
        if (text === undefined) throw new Error(`the policy ${name} (${key}) is not in the plan`);
        return { name, text };
      });
      return { configuration, policies };
    } catch (error) {
      problems.push({ address: found.address, problem: `${side}: ${(error as Error).message}` });
      return undefined;
    }
  };
  const [before, after] = [stateOf('before'), stateOf('after')];
  return { before, after, addresses: objects.filter(({ action }) => action !== 'none').map(({ address }) => address), problems };
}
