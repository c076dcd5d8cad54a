import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { outsideLogGroups } from '../../../sandbox/outside-the-stack.ts';
import { applyStack } from '../../../sandbox/terraform/apply-stack.ts';
import { loadTemplate } from '../../../sandbox/terraform/template.ts';
import { synthesizedExamples } from '../../examples/synthesized.ts';

describe('the example stacks', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await synthesizedExamples();
  });

  it.each(['dev', 'staging', 'prod'])(
    'GIVEN %s WHEN it is applied THEN every function, its trigger and its policies are known',
    async (name) => {
      const stackDirectory = join(folder, 'stacks', name);
      const template = loadTemplate(stackDirectory);
      const { region, account = '' } = template;
      // Only staging and prod read a Security log.
      const readsLog = name !== 'dev';
      // Staging keeps no credentials of others.
      const rotates = name !== 'staging';
      const targets = name === 'staging' ? ['identity-center'] : ['identity-center', 'wiki'];
      const prefix = `ad-lambda-${name}-`;
      const endpoint = await startEndpoint({ region, account, identityStoreId: 'd-1234567890' });
      try {
        for (const logGroupName of outsideLogGroups(template)) await endpoint.call('operator', 'logs', 'CreateLogGroup', { logGroupName });
        const directory = { id: 'd-9067f0a1b2', domain: 'corp.example.com', dnsIpAddresses: ['127.0.0.1'], securityGroupId: 'sg-1' };
        const variables = { directory_ca: 'PEM of a test', scim_endpoint: 'https://wiki.example.com/scim/v2' };
        const stack = await applyStack({ stackDirectory, endpoint, variables, directory });

        const named = (suffix: string) => [...stack.functions.values()].find((one) => one.name.endsWith(`-${suffix}`));
        const ofEveryTarget = (name: string) => targets.map((target) => `${name}-${target}`);
        expect([...stack.functions.keys()].map((name) => name.slice(prefix.length)).sort()).toEqual([
          'close-audit',
          'decide-access',
          'detect-changes-corp',
          'publish-changes',
          ...(readsLog ? ['read-security-log'] : []),
          ...ofEveryTarget('reconcile'),
          'record-audit',
          'review-access',
          ...(rotates ? ['rotate-credential-corp'] : []),
          'settle-guard',
          ...ofEveryTarget('sync-roles'),
        ]);
        expect(named('detect-changes-corp')).toMatchObject({
          inVpc: true,
          reservedConcurrency: 1,
          environment: { LDAP_CA: 'PEM of a test' },
        });
        expect(named('detect-changes-corp')?.egressPorts).toContain(636);
        expect([...stack.functions.values()].filter(({ inVpc }) => inVpc)).toHaveLength(rotates ? 2 : 1);
        expect(stack.schedules.map(({ targetArn }) => targetArn.slice(targetArn.indexOf(prefix) + prefix.length)).sort()).toEqual([
          'close-audit',
          'decide-access',
          'detect-changes-corp',
          ...ofEveryTarget('reconcile'),
          'review-access',
          ...(rotates ? ['rotate-credential-corp'] : []),
        ]);
        const fed = stack.eventSources.map(({ functionName, kind }) => [functionName.slice(prefix.length), kind]);
        expect(Object.fromEntries(fed)).toEqual({
          'publish-changes': 'stream',
          'decide-access': 'sqs',
          ...Object.fromEntries(ofEveryTarget('sync-roles').map((one) => [one, 'sqs'])),
          'settle-guard': 'sqs',
          'record-audit': 'sqs',
          ...(rotates ? { 'rotate-credential-corp': 'sqs' } : {}),
        });
        for (const target of targets)
          expect(JSON.parse(named(`sync-roles-${target}`)?.environment.TARGET ?? '{}')).toMatchObject({ name: target });
        for (const { roleArn } of stack.functions.values()) {
          expect(stack.roles.find(({ arn }) => arn === roleArn)?.policies).toHaveLength(1);
        }
        for (const { reason } of stack.withoutEffect) expect(reason).toMatch(/\w/);
        expect(stack.resources.filter(({ type }) => type === 'aws_cloudwatch_log_subscription_filter')).toHaveLength(readsLog ? 1 : 0);
        const { CompositeAlarms } = await endpoint.call('operator', 'cloudwatch', 'DescribeAlarms', { AlarmTypes: ['CompositeAlarm'] });
        expect(CompositeAlarms).toMatchObject([{ AlarmName: `${prefix}identity-not-flowing` }]);
        const dashboard = await endpoint.call('operator', 'cloudwatch', 'GetDashboard', { DashboardName: `${prefix}operations` });
        // Whatever Terraform would fill in is filled in.
        expect(JSON.parse(String(dashboard.DashboardBody)).widgets.length).toBeGreaterThan(10);
        expect(String(dashboard.DashboardBody)).not.toContain('${');
        expect(endpoint.calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
      } finally {
        await endpoint.close();
      }
    },
  );
});
