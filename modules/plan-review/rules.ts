/** Every rule of a review, in one table: what it is called, how much it weighs, why, and what to do. `checks/` says how it is found. */
import * as access from './checks/access.ts';
import * as credentials from './checks/credentials.ts';
import * as functions from './checks/functions.ts';
import * as network from './checks/network.ts';
import * as permissions from './checks/permissions.ts';
import * as state from './checks/state.ts';
import type { Finding, Reviewed, Rule, Severity } from './reviewed.ts';

const rule = (id: string, severity: Severity, title: string, check: Rule['check'], why: string, remedy: string): Rule => ({
  ...{ id, severity, title, why, remedy, check },
});

// biome-ignore format: a table is read by its rows
export const rules: readonly Rule[] = [
  rule('state-destroyed', 'error', 'Something that holds state is deleted or replaced', state.stateDestroyed,
    'no apply brings back what it held', 'keep the resource: undo what replaces it, move its address, or export what it holds first'),
  rule('deletion-protection-removed', 'error', 'A protection against deletion is taken off', state.deletionProtectionRemoved,
    'the next mistaken apply deletes it for good', 'leave deletionProtection on, and take it off in a change of its own'),
  rule('recovery-off', 'error', 'A table cannot be restored to a point in time', state.recoveryOff,
    'what a mistake overwrites is lost', 'leave point-in-time recovery on'),
  rule('retention-lowered', 'error', 'Something is kept for a shorter time, or its lock is weaker', state.retentionLowered,
    'records that a reviewer or an investigation needs expire', 'keep the retention, or have whoever owns the records agree'),
  rule('versioning-off', 'error', 'A bucket keeps no versions', state.versioningOff,
    'what is overwritten or deleted is lost', 'leave versioning on'),
  rule('encryption-weakened', 'error', 'Encryption is taken off, or made by a weaker key', state.encryptionWeakened,
    'a key of our own decides who reads, and its use is logged', 'keep the key'),
  rule('public-access-opened', 'error', 'Something becomes public', state.publicAccessOpened,
    'the internet reads or calls it', 'block public access'),

  rule('permission-widens', 'warning', 'A policy allows more than before', permissions.permissionWidens,
    'each function has exactly the calls that it makes', 'see that each addition is needed, on exact resources'),
  rule('permission-broad-action', 'error', 'A statement allows every action', permissions.broadAction,
    'a wildcard allows what nobody thought of, and what AWS adds later', 'list the actions'),
  rule('permission-every-resource', 'note', 'A statement names every resource', permissions.everyResource,
    'few actions cannot be scoped', 'name the resources, or give the reason beside the permission'),
  rule('permission-public', 'error', 'A policy lets everybody in', permissions.publicPrincipal,
    'anybody with an AWS account could call it', 'name the principals, or add a condition on the caller'),
  rule('permission-other-account', 'warning', 'A policy lets another account in', permissions.otherAccount,
    'what that account does with it is decided there', 'see that the account is meant, and name a role of it'),
  rule('permission-deny-lost', 'error', 'A Deny is gone or narrower', permissions.denyLost,
    'it held back what other statements allow', 'keep it, or show that nothing else allows the call'),
  rule('permission-unknown', 'warning', 'A policy cannot be compared', permissions.permissionUnknown,
    'nobody can see what it allows before it is applied', 'write the policy as plain JSON with references, as the modules do'),
  rule('boundary-removed', 'error', 'A permissions boundary is taken off', permissions.boundaryRemoved,
    'the role may have what the platform team does not allow', 'keep the boundary'),
  rule('boundary-changed', 'warning', 'A permissions boundary changes', permissions.boundaryChanged,
    'it limits everything that the role may do', 'compare both boundaries'),
  rule('sweeping-policy-attached', 'error', 'A managed policy brings full access', permissions.sweepingPolicyAttached,
    'no function needs all of a service', 'write the calls that are needed into a policy'),
  rule('policy-attached', 'warning', 'A managed policy is attached', permissions.policyAttached,
    'its statements are not in this plan and may change without one', 'write them into a policy of the role'),
  rule('long-lived-key', 'error', 'A key that does not expire is made', permissions.longLivedKey,
    'it works for whoever has it, and the state holds it', 'use a role, by OIDC from elsewhere'),

  rule('access-changed', 'note', 'Role mappings, policies or settings of access change', access.accessChanged,
    'they decide who has what', 'give --mirror to see whom it concerns'),
  rule('access-given', 'warning', 'Somebody would gain access', access.accessGiven,
    'see the list in this review', 'have whoever owns the role agree'),
  rule('access-taken', 'warning', 'Somebody would lose access', access.accessTaken,
    'see the list in this review; guards may hold it back', 'tell those concerned, or mend the mapping'),
  rule('access-violated', 'warning', 'Somebody would keep what a policy forbids', access.accessViolated,
    'onViolation is report', 'end the grants, or set onViolation to revoke'),
  rule('access-unreadable', 'error', 'The access configuration cannot be evaluated', access.accessUnreadable,
    'decide-access would refuse it, and nothing new would be granted', 'mend what is wrong, or plan with the objects in the plan'),

  rule('network-open', 'error', 'A security group lets the internet in', network.networkOpened,
    'functions are called by AWS and listen to nobody', 'name the security group or the network that calls'),
  rule('network-egress-open', 'warning', 'A security group lets calls out to anywhere', network.egressOpened,
    'what is read could be sent anywhere', 'name the endpoint, the prefix list or the domain controllers'),
  rule('network-wide-ports', 'warning', 'A rule opens all protocols, or more than a hundred ports', network.portsWide,
    'a path is one port', 'name the port'),
  rule('network-plain-ldap', 'error', 'A rule opens LDAP without TLS', network.plainLdapPorts,
    'passwords cross the network in clear text', 'use port 636'),
  rule('ldap-url-plain', 'error', 'A function speaks LDAP without TLS', network.plainLdapUrls,
    'passwords cross the network in clear text', 'use ldaps:// URLs'),
  rule('network-path-added', 'note', 'A network path is added or widened', network.pathsAdded,
    'only two functions reach a domain controller', 'see that the path is meant'),
  rule('function-leaves-vpc', 'error', 'A function leaves its VPC', network.functionLeavesVpc,
    'security groups and endpoints do not hold it any more', 'keep its network'),
  rule('endpoint-open', 'warning', 'An endpoint lets everybody’s calls pass', network.endpointOpen,
    'stolen credentials of another account would work from the network', 'hold it to the account'),

  rule('function-code', 'note', 'Code or runtime of a function changes', functions.functionCode,
    'hashes say which build runs', 'compare them with the build’s'),
  rule('concurrency-raised', 'warning', 'A reserved concurrency is taken off or raised', functions.concurrencyRemoved,
    'detect-changes runs once at a time, targets have budgets', 'keep the limit'),
  rule('dead-letters-removed', 'warning', 'Failures have no dead-letter queue any more', functions.deadLettersRemoved,
    'what fails for good is lost without a trace', 'keep the queue'),
  rule('alarm-weakened', 'warning', 'An alarm is taken off, or speaks later', functions.alarmWeakened,
    'nobody learns that identity does not flow', 'keep it, or say what takes its place'),
  rule('schedule-stretched', 'warning', 'A schedule stops, is slower, or cannot be compared', functions.scheduleStretched,
    'changes arrive later, drift stays longer', 'keep the rate'),
  rule('source-stopped', 'warning', 'A rule, filter or source stops or lets other things pass', functions.sourceStopped,
    'events may not arrive where they are acted on or recorded', 'compare both filters'),
  rule('guard-raised', 'warning', 'A guard lets more be taken away without a person', functions.guardRaised,
    'it is what holds back a mistaken mass revocation', 'raise it for the one run by an approval instead'),

  rule('rotation-weakened', 'error', 'A credential rotates less, or not any more', credentials.rotationWeakened,
    'a stolen password works for longer', 'keep the rotation'),
  rule('secret-in-plan', 'error', 'A secret would be in plan or state', credentials.secretInPlan,
    'whoever reads plan, state or logs has it', 'create the secret without a value, put it in by hand, and rotate what was shown'),
];

/** Findings of all rules, the gravest first. */
export function findingsOf(reviewed: Reviewed): readonly Finding[] {
  const weights: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };
  return rules
    .flatMap(({ id, severity, check }) => check(reviewed).map((place): Finding => ({ rule: id, severity, ...place })))
    .sort((one, other) => weights[one.severity] - weights[other.severity]);
}
