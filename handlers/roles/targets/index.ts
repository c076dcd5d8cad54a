/** All kinds of target. A new one is one folder here and one line below. */
import * as v from 'valibot';
import { ConfigurationError } from '../../platform/errors.ts';
import type { Target } from '../target.ts';
import type { TargetSettings } from '../target-settings.ts';
import { type IdentityCenterSurroundings, identityCenter } from './identity-center/index.ts';
import type { TargetKind, TargetSurroundings } from './kind.ts';
import { scim } from './scim/index.ts';

export const targetKinds = {
  'identity-center': identityCenter,
  scim,
} as const;

export type TargetKindName = keyof typeof targetKinds;

/** What any kind of target may be opened with. */
export type Surroundings = TargetSurroundings & IdentityCenterSurroundings;

/** A target as its settings say, not opened yet. */
export interface ClosedTarget {
  /** It is opened with a secret. */
  readonly secret: boolean;
  /** Calls to each API of it a second. */
  readonly callsPerSecond: number | undefined;
  open(surroundings: Surroundings): Promise<Target>;
}

/** @throws ConfigurationError for a kind that is none, or settings that are not of the kind */
export function targetOf({ name, kind: kindName, settings }: Pick<TargetSettings, 'name' | 'kind' | 'settings'>): ClosedTarget {
  if (!Object.hasOwn(targetKinds, kindName))
    throw new ConfigurationError(`target "${name}" is of kind "${kindName}": it is one of ${Object.keys(targetKinds).join(', ')}`);
  // Each kind takes its own settings, which its own schema has checked.
  const kind = targetKinds[kindName as TargetKindName] as unknown as TargetKind<{ readonly callsPerSecond?: number }>;
  const parsed = v.safeParse(kind.settings, settings);
  if (!parsed.success) {
    const wrong = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'settings'}: ${issue.message}`);
    throw new ConfigurationError(`target "${name}" has wrong settings: ${wrong.join('; ')}`);
  }
  return {
    secret: kind.secret(parsed.output),
    callsPerSecond: parsed.output.callsPerSecond,
    open: (surroundings) => kind.open(parsed.output, surroundings),
  };
}
