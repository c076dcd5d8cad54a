/** The sandbox's story, run as a newcomer runs it. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { TargetCompleteness } from '../../sandbox/audit-completeness.ts';
import type { PermissionRow } from '../../sandbox/report/permissions.ts';
import type { StoryRow } from '../../sandbox/story-row.ts';
import { until } from '../../sandbox/waiting.ts';
import { synthesizedExamples } from '../examples/synthesized.ts';
import { foldersOf, runSandbox, sandboxProcess } from './command.ts';

interface Result {
  readonly story: readonly StoryRow[];
  readonly completeness: readonly TargetCompleteness[];
  readonly permissions: readonly PermissionRow[];
}

describe.each(['dev', 'staging', 'prod'] as const)('npm run sandbox -- --env %s', (environment) => {
  /** Only staging and prod read a Security log. */
  const readsLog = environment !== 'dev';
  const bringsAccounts = environment !== 'dev';
  const targets = environment === 'staging' ? ['identity-center'] : ['identity-center', 'wiki'];
  let exitCode: number | null;
  let result: Result;
  let seconds: number;
  let foldersLeft: readonly string[];
  let stderr: string;

  beforeAll(async () => {
    const began = performance.now();
    // One environment as a newcomer has it, who has synthesized nothing.
    const stacks = environment === 'dev' ? [] : ['--stacks', await synthesizedExamples()];
    const command = runSandbox('--env', environment, '--json', ...stacks);
    const pid = await until('the start of the sandbox', () => sandboxProcess(command).catch(() => undefined));
    exitCode = await command.ended();
    foldersLeft = await foldersOf(pid);
    seconds = (performance.now() - began) / 1000;
    stderr = command.stderr();
    if (exitCode === 0) result = JSON.parse(command.stdout()) as Result;
  }, 120_000);

  it('ends with exit code 0', () => {
    expect(stderr).not.toContain('failed');
    expect(exitCode).toBe(0);
  });

  it('plays the story: each change has its event, decision, role change and audit record, at every target', () => {
    const everywhere = environment === 'staging' ? 'identity-center' : 'identity-center, wiki';
    const account = 'AWS-111122223333-ReadOnly at identity-center';
    const ofAccount = (text: string) => (bringsAccounts ? [text] : []);
    const deletedAt = { dev: everywhere, staging: undefined, prod: 'identity-center' }[environment];
    expect(result.story.map(({ event, decision, roleChange }) => [event, decision, roleChange])).toEqual([
      ['DirectorySnapshotCompleted', `grant developers at ${everywhere}`, `RoleGranted developers at ${everywhere}`],
      ['UserCreated', 'nothing to decide', 'none'],
      ['GroupMemberAdded', `grant developers at ${everywhere}`, `RoleGranted developers at ${everywhere}`],
      ['UserRenamed', `profile: userName at ${everywhere}`, `AccountUpdated userName at ${everywhere}`],
      ['GroupMemberAdded', `grant developers at ${everywhere}`, `RoleGranted developers at ${everywhere}`],
      ['GroupMemberAdded', 'nothing to decide', 'none'],
      ['DriftFound', 'nothing to decide', 'DriftHealed membership-missing at identity-center'],
      ...(bringsAccounts ? [['GroupMemberAdded', `grant ${account}`, `RoleGranted ${account}`]] : []),
      [
        'UserDisabled',
        [...ofAccount(`revoke ${account}`), `revoke developers at ${everywhere}`].join('; '),
        `AccessEnded ${[...ofAccount(account), `developers at ${everywhere}`].join('; ')}`,
      ],
      ...Array.from({ length: { dev: 2, staging: 0, prod: 4 }[environment] }, () => ['CredentialRotated', 'nothing to decide', 'none']),
      ['UserDeleted', 'deleted', deletedAt ? `AccountDeprovisioned ada.sample@corp.example.com at ${deletedAt}` : 'none'],
    ]);
    for (const row of result.story) expect(row.auditRecord).toMatch(/^\w+ [0-9a-f]{8}$/);
  });

  it('tells who did it, where the Security log is read', () => {
    const actors = result.story.map(({ change, actor }) => [change, actor]);
    expect(actors[0]?.[1]).toBe('active-directory.directory');
    expect(Object.fromEntries(actors)['Ada is put into AWS-Developers']).toMatch(
      readsLog ? /^CORP\\Administrator \(S-1-5-21-\d+-\d+-\d+-500\)$/ : /^active-directory\.directory$/,
    );
  });

  it('shows latencies that add up: poll, event, decision, role change, audit record', () => {
    for (const { latencyMs } of result.story) {
      const hops = [0, latencyMs.event, latencyMs.decision, latencyMs.roleChange, latencyMs.auditRecord].filter((one) => one !== undefined);
      expect(hops).toEqual([...hops].sort((a, b) => a - b));
    }
  });

  it('invariant 11: each change that a target saw has one record, and each record a change', () => {
    expect(result.completeness.map(({ target }) => target)).toEqual(targets);
    for (const { changes, records, missing, surplus } of result.completeness) {
      expect({ missing, surplus }).toEqual({ missing: [], surplus: [] });
      expect(records).toBe(changes);
      expect(changes).toBeGreaterThan(5);
    }
  });

  it('invariant 9: every call passes the synthesized policies, and every permission is used or has its reason', () => {
    expect(result.permissions.map(({ functionName }) => functionName.replace(`ad-lambda-${environment}-`, ''))).toEqual([
      'close-audit',
      'decide-access',
      'detect-changes-corp',
      'publish-changes',
      ...(readsLog ? ['read-security-log'] : []),
      ...targets.map((target) => `reconcile-${target}`),
      'record-audit',
      'review-access',
      ...(environment === 'staging' ? [] : ['rotate-credential-corp']),
      'settle-guard',
      ...targets.map((target) => `sync-roles-${target}`),
    ]);
    for (const row of result.permissions) {
      expect(row.denied).toBe(0);
      // Nothing is decided on a guard before one trips.
      if (!row.functionName.endsWith('-settle-guard')) expect(row.used.length).toBeGreaterThan(3);
      expect(row.surplus.filter(({ reason }) => reason === undefined)).toEqual([]);
    }
  });

  it('ends within 60 s and leaves nothing behind but its cache', () => {
    expect(seconds).toBeLessThan(60);
    expect(foldersLeft).toEqual([]);
  });
});
