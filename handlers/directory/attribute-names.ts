/** What a team's settings name of a directory: attributes that capture can ask for, and those that it cannot; and how wrong values are told. */
import * as v from 'valibot';
import { secretAttributes } from '../events/catalogue.ts';

/** What valibot found, each with its path, the value and what is wrong with it. */
export const wrongValues = (issues: readonly v.BaseIssue<unknown>[], whole: string): string =>
  issues.map((issue) => `${v.getDotPath(issue) ?? whole} ${issue.message} (got ${JSON.stringify(issue.input)})`).join('; ');

/** Constructed attributes, those that each domain controller has for itself, and back links, as far as objects of a domain have them. */
const notSent: ReadonlySet<string> = new Set(
  `aNR allowedAttributes allowedAttributesEffective allowedChildClasses allowedChildClassesEffective badPasswordTime badPwdCount
  canonicalName createTimeStamp directReports distinguishedName dSCorePropagationData fromEntry isPrivilegeHolder lastLogoff lastLogon
  logonCount managedObjects masteredBy memberOf modifiedCount modifyTimeStamp msCOM-PartitionSetLink msCOM-UserLink
  msDS-Approx-Immed-Subordinates msDS-AuthenticatedToAccountlist msDS-Cached-Membership msDS-Cached-Membership-Time-Stamp
  msDS-ExecuteScriptPassword msDS-GenerationId msDS-IsDomainFor msDS-IsFullReplicaFor msDS-isGC msDS-IsPartialReplicaFor
  msDS-IsPrimaryComputerFor msDS-isRODC msDS-IsUserCachableAtRodc msDS-KeyVersionNumber msDS-LocalEffectiveDeletionTime
  msDS-LocalEffectiveRecycleTime msDs-masteredBy msds-memberOfTransitive msds-memberTransitive msDS-NCReplCursors
  msDS-NCReplInboundNeighbors msDS-NCReplOutboundNeighbors msDS-NcType msDS-parentdistname msDS-PrincipalName msDS-PSOApplied
  msDS-ReplAttributeMetaData msDS-ReplValueMetaData msDS-ReplValueMetaDataExt msDS-ResultantPSO msDS-RevealedDSAs msDS-RevealedList
  msDS-SiteName msDS-TokenGroupNames msDS-TokenGroupNamesGlobalAndUniversal msDS-TokenGroupNamesNoGCAcceptable
  msDS-User-Account-Control-Computed msDS-UserPasswordExpiryTimeComputed msDS-USNLastSyncSuccess msSFU30PosixMemberOf
  partialAttributeDeletionList partialAttributeSet pekList possibleInferiors primaryGroupToken replPropertyMetaData replUpToDateVector
  repsFrom repsTo sDRightsEffective serverState structuralObjectClass subRefs subSchemaSubEntry tokenGroups
  tokenGroupsGlobalAndUniversal tokenGroupsNoGCAcceptable uSNChanged uSNCreated uSNLastObjRem whenChanged`
    .toLowerCase()
    .split(/\s+/),
);
const backLink = /BL$/i;
const secrets: ReadonlySet<string> = new Set(secretAttributes.map((name) => name.toLowerCase()));

/** Attributes that capture knows another way, and what to use instead of those that are often asked for. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^(?:member|memberOf|tokenGroups.*|msds-member.*Transitive|msDS-TokenGroup.*)$/i, 'memberships are always told, and a scope has groups'],
  [/^(?:objectGUID|objectSid|distinguishedName|canonicalName)$/i, 'every event names its subject, and a scope has organizationalUnits'],
  [/^nTSecurityDescriptor$/i, 'PolicyChanged tells of the one of AdminSDHolder'],
  [/^(?:msDS-ResultantPSO|msDS-PSOApplied)$/i, 'PolicyChanged tells to whom a fine-grained policy applies'],
  [/^(?:lastLogon|badPasswordTime|logonCount)$/i, 'name lastLogonTimestamp, which is replicated'],
  [/^msDS-User-Account-Control-Computed$/i, 'name userAccountControl and lockoutTime'],
];

/** Why capture cannot ask for the attribute, and what to do: text that goes after its name. undefined when it can. */
export function attributeProblem(name: string): string | undefined {
  // RFC 4512 section 1.4, keystring. Options and OIDs would name the same attribute another way.
  if (!/^[a-z][a-z0-9-]{0,255}$/i.test(name)) return 'is no attribute name (RFC 4512): a letter, then letters, digits and "-"';
  if (secrets.has(name.toLowerCase())) return 'holds a secret and is never captured: leave it out';
  const remedy = remedies.find(([names]) => names.test(name))?.[1];
  if (remedy === undefined && !notSent.has(name.toLowerCase()) && !backLink.test(name)) return undefined;
  return `is not sent by DirSync with its value: ${remedy ?? 'name an attribute that is stored and replicated'}`;
}

/** The name of an attribute that capture can ask for. */
export const attributeName = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? attributeProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
);

/** From one hour to a week. */
export const wholeHours = v.pipe(
  v.number(),
  v.integer('must be whole hours'),
  v.minValue(1, 'must be 1 to 168 hours'),
  v.maxValue(168, 'must be 1 to 168 hours'),
);
