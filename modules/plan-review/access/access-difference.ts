/** Role mappings, settings and policies that differ, for people. */
import { isDeepStrictEqual } from 'node:util';
import type { AccessState } from './access-objects.ts';
import { type DiffLine, lineDifference } from './line-difference.ts';

export interface MappingChange {
  readonly id: string;
  readonly kind: 'new' | 'gone' | 'changed';
  /** What each says, JSON; of a changed mapping the properties that differ alone. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface PolicyTextChange {
  readonly name: string;
  readonly kind: 'new' | 'gone' | 'changed';
  readonly lines: readonly DiffLine[];
}

export interface SettingChange {
  /** `onViolation`, `targets.wiki` */
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface AccessDifference {
  readonly mappings: readonly MappingChange[];
  readonly policies: readonly PolicyTextChange[];
  readonly settings: readonly SettingChange[];
}

type Properties = Readonly<Record<string, unknown>>;

export function accessDifference(before: AccessState | undefined, after: AccessState | undefined): AccessDifference {
  const mappingsOf = (state: AccessState | undefined) => new Map(state?.configuration.mappings.map((one) => [one.id, one as Properties]));
  const policiesOf = (state: AccessState | undefined) => new Map(state?.policies.map(({ name, text }) => [name, text]));
  return {
    mappings: pairs(mappingsOf(before), mappingsOf(after)).map(([id, kind, old, next]) => ({
      id,
      kind,
      before: old && json(next ? onlyDiffering(old, next) : old),
      after: next && json(old ? onlyDiffering(next, old) : next),
    })),
    policies: pairs(policiesOf(before), policiesOf(after)).map(([name, kind, old, next]) => ({
      name,
      kind,
      lines: lineDifference(old ?? '', next ?? ''),
    })),
    settings: pairs(settingsOf(before), settingsOf(after)).map(([name, , old, next]) => ({ name, before: old, after: next })),
  };
}

const json = (value: unknown): string => JSON.stringify(value);

const onlyDiffering = (one: Properties, other: Properties): Properties =>
  Object.fromEntries(Object.entries(one).filter(([name, value]) => !isDeepStrictEqual(value, other[name])));

function settingsOf(state: AccessState | undefined): ReadonlyMap<string, string> {
  if (state === undefined) return new Map();
  const { onViolation, revalidateEveryHours, policyAttributes, targets } = state.configuration;
  const plain = Object.entries({ onViolation, revalidateEveryHours, policyAttributes });
  const ofTargets = Object.entries(targets).map(([name, target]) => [`targets.${name}`, target] as const);
  return new Map([...plain, ...ofTargets].map(([name, value]) => [name, json(value)]));
}

/** What differs: by name, in the order of what is after. */
function pairs<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
): readonly (readonly [name: string, kind: 'new' | 'gone' | 'changed', before: T | undefined, after: T | undefined])[] {
  const names = [...new Set([...after.keys(), ...before.keys()])];
  return names.flatMap((name) => {
    const [old, next] = [before.get(name), after.get(name)];
    if (isDeepStrictEqual(old, next)) return [];
    return [[name, old === undefined ? 'new' : next === undefined ? 'gone' : 'changed', old, next] as const];
  });
}
