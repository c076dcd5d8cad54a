/** One environment as a stack: provider, state, the integration, and what a person needs after the apply. */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { LocalBackend, TerraformOutput, TerraformStack, TerraformVariable } from 'cdktf';
import type { Construct } from 'constructs';
import { ActiveDirectoryIntegration } from '../modules/index.ts';
import type { EnvironmentProps } from './environments.ts';

export class EnvironmentStack extends TerraformStack {
  constructor(scope: Construct, name: string, environment: EnvironmentProps) {
    super(scope, name);
    const ca = new TerraformVariable(this, 'directory_ca', {
      type: 'string',
      description: "PEM of the CA that signed the domain controllers' certificates; set TF_VAR_directory_ca",
    });
    const props = environment(ca.stringValue);
    new AwsProvider(this, 'aws', { region: props.region, allowedAccountIds: [props.account] });
    // Seen from the stack's own folder under cdktf.out: the state lies beside cdktf.json. A team puts its S3 backend here.
    new LocalBackend(this, { path: `../../../terraform.${name}.tfstate` });
    const integration = new ActiveDirectoryIntegration(this, 'integration', props);

    const output = (id: string, value: string, description: string): void => {
      new TerraformOutput(this, id, { value, description });
    };
    output('identity_bus', integration.bus.name, 'event bus with every identity event');
    output('audit_log_group', integration.audit.logGroupName, 'log group with the audit trail');
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
