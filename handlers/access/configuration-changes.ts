/**
 * What changed between two configurations, as events for the audit trail: each role mapping, each file of policies, and the settings beside
 * them. Pure, and the port to what was told of the configuration before.
 */
import { createHash } from 'node:crypto';
import type { ChangeOf } from '../events/catalogue.ts';
import { type AnyIdentityEvent, eventId, makeEvent } from '../events/identity-event.ts';
import type { AccessSource } from './s3-access-configuration.ts';

type Change = ChangeOf<'AccessConfigurationChanged'>;

/** A part of a configuration, by kind and name. */
export interface ConfigurationPart {
  readonly kind: Change['kind'];
  readonly name: string;
  /** JSON of a mapping or of the settings, Cedar of a policy file; of a longer one its size and SHA-256. Undefined: it was taken out. */
  readonly content: string | undefined;
}

/** The parts that were told last. */
export interface KnownConfiguration {
  /** Consistent. */
  read(): Promise<readonly ConfigurationPart[]>;
  write(part: ConfigurationPart): Promise<void>;
}

/** Of a part's content, so that before and after fit into one event ("Calculating Amazon EventBridge PutEvents event entry size"). */
const mostBytes = 48 * 1024;

export function partsOf({ configuration, policies }: AccessSource): readonly ConfigurationPart[] {
  const { mappings, policies: _, ...settings } = configuration;
  return [
    ...mappings.map((mapping) => ({ kind: 'mapping' as const, name: mapping.id, content: told(JSON.stringify(mapping)) })),
    ...policies.map(({ name, text }) => ({ kind: 'policy' as const, name, content: told(text) })),
    { kind: 'settings', name: 'settings', content: told(JSON.stringify(settings)) },
  ];
}

function told(content: string): string {
  const bytes = Buffer.byteLength(content);
  if (bytes <= mostBytes) return content;
  return `${bytes} bytes with SHA-256 ${hashOf(content)}`;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Parts of `after` as they are to be known from now on: those that are new or others, and those that are gone. */
export function changedParts(before: readonly ConfigurationPart[], after: readonly ConfigurationPart[]): readonly ConfigurationPart[] {
  const known = new Map(before.map((part) => [keyOf(part), part]));
  const there = new Set(after.map(keyOf));
  return [
    ...after.filter((part) => known.get(keyOf(part))?.content !== part.content),
    ...before
      .filter((part) => part.content !== undefined && !there.has(keyOf(part)))
      .map(({ kind, name }) => ({ kind, name, content: undefined })),
  ];
}

export const keyOf = ({ kind, name }: Pick<ConfigurationPart, 'kind' | 'name'>): string => `${kind}#${name}`;

/** What an event about a configuration starts with in place of a directory. */
const domain = 'access-configuration';

/** Which configurations an event is between: keys of their objects, and how many there have been with the new one. */
export interface Deployment {
  readonly from: string | undefined;
  readonly to: string;
  readonly revision: number;
  /** When the new one was first seen, ISO 8601. */
  readonly at: string;
}

/** One event for each changed part. A repeat for the same deployment has the same ids. */
export function configurationEvents(
  before: readonly ConfigurationPart[],
  changed: readonly ConfigurationPart[],
  { from, to, revision, at }: Deployment,
): readonly AnyIdentityEvent[] {
  const known = new Map(before.map((part) => [keyOf(part), part.content]));
  return changed.map(({ kind, name, content: after = null }) => {
    const content = known.get(keyOf({ kind, name })) ?? null;
    const action = after === null ? 'removed' : content === null ? 'added' : 'changed';
    return makeEvent({
      type: 'AccessConfigurationChanged',
      domain,
      subject: {
        guid: eventId(domain, keyOf({ kind, name }), 0, 'AccessConfigurationChanged'),
        type: 'configuration',
        name,
        dn: `${kind}=${name}`,
      },
      change: { kind, name, action, before: content, after, configuration: { before: from ?? null, after: to } },
      revision,
      at,
      // A run that ends before the deployment is noted leaves its revision to the next one, which may be another.
      part: hashOf(JSON.stringify([content, after])),
    });
  });
}
