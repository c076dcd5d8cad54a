/** What the sandbox prints fits the terminal. */
import { describe, expect, it } from 'vitest';
import { permissionTable } from '../../sandbox/report/permission-table.ts';
import type { PermissionRow } from '../../sandbox/report/permissions.ts';
import { storyTable } from '../../sandbox/report/story-table.ts';
import type { StoryRow } from '../../sandbox/story-row.ts';

const story: readonly StoryRow[] = [
  {
    change: 'Grace was in AWS-Developers before the first poll',
    event: 'DirectorySnapshotCompleted',
    decision: 'grant developers',
    roleChange: 'RoleGranted developers',
    auditRecord: 'RoleGranted 9f9d1aea',
    actor: 'active-directory.directory',
    latencyMs: { event: 75, decision: 643, roleChange: 799, auditRecord: 816 },
  },
  {
    change: 'Ada is deleted',
    event: 'UserDeleted',
    decision: 'deleted',
    roleChange: 'AccountDeprovisioned ada.sample@corp.example.com',
    auditRecord: 'AccountDeprovisioned bc8ee004',
    actor: 'CORP\\Administrator (S-1-5-21-1-2-3-500)',
    latencyMs: { event: 28, decision: 91, roleChange: 175, auditRecord: 184 },
  },
];

const encrypts = 'CloudWatch Logs encrypts with the key in the name of the role';
const decrypt = { action: 'kms:Decrypt', resource: 'arn:aws:kms:eu-central-2:111122223333:key/one', reason: encrypts };
const permissions: readonly PermissionRow[] = [
  {
    functionName: 'ad-lambda-dev-decide-access',
    used: ['sqs:ReceiveMessage'],
    surplus: [decrypt, { ...decrypt, resource: 'arn:aws:kms:eu-central-2:111122223333:key/two' }],
    denied: 0,
  },
  {
    functionName: 'ad-lambda-dev-detect-changes',
    used: [],
    surplus: [decrypt, { action: 'ec2:UnassignPrivateIpAddresses', resource: '*' }],
    denied: 3,
  },
  { functionName: 'ad-lambda-dev-record-audit', used: [], surplus: [decrypt, { ...decrypt, action: 'kms:DescribeKey' }], denied: 0 },
];

const words = (text: string) => text.split(/[\s─]+/).filter((word) => word !== '');

describe.each([80, 120, 200])('a terminal of %i columns', (width) => {
  const printed = storyTable(story, width) + permissionTable(permissions, width);

  it('GIVEN the story and the permissions THEN no line is wider, and none ends in a space', () => {
    for (const line of printed.split('\n')) {
      expect([...line].length).toBeLessThanOrEqual(width);
      expect(line).toBe(line.trimEnd());
    }
  });

  it('GIVEN the story THEN no word of it is lost or broken', () => {
    const told = words(storyTable(story, width));
    for (const row of story) {
      for (const text of [row.change, row.event, row.decision, row.roleChange, row.auditRecord])
        expect(told).toEqual(expect.arrayContaining(words(text)));
    }
    expect(told.filter((word) => word.startsWith('+'))).toEqual(expect.arrayContaining(['+643', '+799', '+175', '+184']));
  });
});

describe('the story', () => {
  it('GIVEN a terminal that its words do not fit THEN each change is a block of its own', () => {
    expect(storyTable(story, 80)).toContain('change: Ada is deleted\nevent: UserDeleted +28\u00a0ms\n');
    expect(storyTable(story, 200)).not.toContain('change: ');
  });
});

describe('the permissions', () => {
  const printed = permissionTable(permissions, 200);
  const lineOf = (start: string) =>
    printed
      .split('\n')
      .find((line) => line.startsWith(start))
      ?.split(/ {2,}/);

  it('GIVEN names with a prefix in common THEN it is left out', () => {
    expect(printed).not.toContain('ad-lambda-dev');
  });

  it('GIVEN an action on two resources THEN it counts once', () => {
    expect(lineOf('decide-access ')).toEqual(['decide-access', '1', '1', '0']);
    expect(lineOf('detect-changes ')).toEqual(['detect-changes', '0', '2', '3']);
  });

  it('GIVEN a reason that functions share THEN it is printed once, with every function and action', () => {
    expect(printed.split(encrypts)).toHaveLength(2);
    expect(lineOf('decide-access, detect-changes')).toEqual(['decide-access, detect-changes', 'kms:Decrypt', encrypts]);
    expect(printed).toMatch(/^record-audit +kms:Decrypt, kms:DescribeKey$/m);
  });

  it('GIVEN a permission without a reason THEN that is said', () => {
    expect(printed).toMatch(/^detect-changes +ec2:UnassignPrivateIpAddresses +NO REASON$/m);
  });
});
