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
    const { directory } = integration.directory;
    output('identity_bus', integration.bus.name, 'event bus with every identity event');
    output('audit_log_group', integration.audit.logGroupName, 'log group with the audit trail');
    output('bind_secret_arn', directory.bindSecretArn, 'put {"username", "password"} of the account that reads the directory here');
    if (directory.managed) {
      output('directory_dns_addresses', directory.managed.dnsIpAddresses, 'give the domain a Route 53 Resolver rule to these');
      output('directory_admin_secret_arn', directory.managed.adminSecretArn, "holds the created directory's administrator");
    }
  }
}
