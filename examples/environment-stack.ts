/** One environment as a stack: provider, state, the integration, and what a person needs after the apply. */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { LocalBackend, TerraformOutput, TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import { ActiveDirectoryIntegration } from '../modules/index.ts';
import type { EnvironmentProps } from './environments.ts';

export class EnvironmentStack extends TerraformStack {
  readonly integration: ActiveDirectoryIntegration;

  constructor(scope: Construct, name: string, environment: EnvironmentProps) {
    super(scope, name);
    const variable = (id: string, description: string): string =>
      new TerraformVariable(this, id, { type: 'string', description: `${description}; set TF_VAR_${id}` }).stringValue;
    const props = environment({
      directoryCa: () => variable('directory_ca', "PEM of the CA that signed the domain controllers' certificates"),
      scimEndpoint: () => variable('scim_endpoint', 'base URL of the SCIM 2.0 server, https://…/scim/v2'),
    });
    new AwsProvider(this, 'aws', { region: props.region, allowedAccountIds: [props.account] });
    // Seen from the stack's own folder under cdktf.out: the state lies beside cdktf.json. A team puts its S3 backend here.
    new LocalBackend(this, { path: `../../../terraform.${name}.tfstate` });
    const integration = new ActiveDirectoryIntegration(this, 'integration', props);
    this.integration = integration;

    const output = (id: string, value: string, description: string): void => {
      new TerraformOutput(this, id, { value, description });
    };
    output('identity_bus', integration.bus.name, 'event bus with every identity event');
    output('audit_log_group', integration.audit.logGroupName, 'log group with the audit trail');
    output('approval_key', integration.roles.approvals.alias, 'whoever may sign with this key may approve what a guard holds back');
    output('report_bucket', integration.roles.reports.name, 'bucket with the drift reports, under reconcile/<target>/');
    for (const { name: target, secretArn } of integration.roles.targets) {
      if (secretArn !== undefined) output(`target_secret_arn_${target}`, secretArn, `put what the functions log on to ${target} with here`);
    }
    for (const { name: credential, secretArn, created } of Object.values(integration.credentials?.byName ?? {})) {
      if (created && secretArn !== undefined) {
        output(
          `credential_secret_arn_${credential}`,
          secretArn,
          `put {"username", "password"} that the account of ${credential} has now here`,
        );
      }
    }
    for (const { name: directory, directory: known } of integration.directory.directories) {
      output(
        `bind_secret_arn_${directory}`,
        known.bindSecretArn,
        `put {"username", "password"} of the account that reads ${known.domain} here`,
      );
      if (known.managed === undefined) continue;
      output(`dns_addresses_${directory}`, known.managed.dnsIpAddresses, `give ${known.domain} a Route 53 Resolver rule to these`);
      output(`admin_secret_arn_${directory}`, known.managed.adminSecretArn, `holds the administrator of ${known.domain}`);
    }
  }
}
