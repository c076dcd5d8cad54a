import { AwsError } from '../error.ts';
import { records, texts } from '../input.ts';
import type { ConditionContext, Input, SessionGrant } from '../service.ts';

// Tags that are passed with a session ("Pass session tags in AWS STS", IAM User Guide).

export interface SessionTags {
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
}

const most = { tags: 50, key: 128, value: 256 } as const;

const wrong = (message: string): AwsError => new AwsError('ValidationError', message);
const lower = (key: string): string => key.toLowerCase();

/** @throws AwsError ValidationError */
export function checkedTags(entries: readonly (readonly [string, string])[], transitiveTagKeys: readonly string[]): SessionTags {
  if (entries.length > most.tags) throw wrong(`${entries.length} session tags: at most ${most.tags} can be passed`);
  const keys = new Set<string>();
  for (const [key, value] of entries) {
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u.test(key) || key.length > most.key || /^aws:/i.test(key)) throw wrong(`session tag key '${key}'`);
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(value) || value.length > most.value) throw wrong(`value of session tag '${key}'`);
    // "You cannot have separate Department and department tag keys" (AWS STS API Reference, AssumeRole).
    if (keys.has(lower(key))) throw wrong(`session tag '${key}' is passed twice`);
    keys.add(lower(key));
  }
  const unknown = transitiveTagKeys.find((key) => !keys.has(lower(key)));
  if (unknown !== undefined) throw wrong(`transitive tag key '${unknown}' is no key of a tag that is passed`);
  return { tags: Object.fromEntries(entries), transitiveTagKeys };
}

/** `Tags` and `TransitiveTagKeys` of a request. @throws AwsError */
export function passedTags(input: Input): SessionTags {
  const entries = records(input, 'Tags').map(({ Key, Value }) => [String(Key ?? ''), String(Value ?? '')] as const);
  return checkedTags(entries, texts(input, 'TransitiveTagKeys'));
}

/** Condition keys of the tags that are passed; those that are inherited are not among them. */
export function tagContext({ tags, transitiveTagKeys }: SessionTags): ConditionContext {
  const keys = Object.keys(tags);
  return {
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(keys.length > 0 ? { 'aws:TagKeys': keys } : {}),
    ...(transitiveTagKeys.length > 0 ? { 'sts:TransitiveTagKeys': transitiveTagKeys } : {}),
  };
}

/** Those of the next session in a chain: what is passed, and what it inherits. @throws AwsError where both have a key */
export function chainedTags(passed: SessionTags, before: SessionGrant | undefined): SessionTags {
  const inheritedKeys = new Set((before?.transitiveTagKeys ?? []).map(lower));
  const again = Object.keys(passed.tags).find((key) => inheritedKeys.has(lower(key)));
  if (again !== undefined) throw wrong(`session tag '${again}' is inherited from the session before: it cannot be passed again`);
  const inherited = Object.entries(before?.tags ?? {}).filter(([key]) => inheritedKeys.has(lower(key)));
  return {
    tags: { ...Object.fromEntries(inherited), ...passed.tags },
    transitiveTagKeys: [...(before?.transitiveTagKeys ?? []), ...passed.transitiveTagKeys],
  };
}
