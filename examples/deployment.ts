/**
 * What an administrator deploys once in an account, before the environments: whom of GitHub Actions the account trusts, the role that deploys
 * each environment, and the boundary that all of the environment's roles have. docs/federation.md has the workflow that takes the roles.
 */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { LocalBackend, TerraformOutput, TerraformStack } from 'cdktf';
import type { Construct } from 'constructs';
import { DeployRole, EnvironmentBoundary, issuers, OidcFederation, subjects } from '../modules/index.ts';
import type { EnvironmentStack } from './environment-stack.ts';

export class DeploymentStack extends TerraformStack {
  /** @param stacks the environments of the account, complete: the roles follow from what is in them */
  constructor(scope: Construct, name: string, stacks: readonly [EnvironmentStack, ...EnvironmentStack[]]) {
    super(scope, name);
    const { account, region } = stacks[0].integration.environment;
    new AwsProvider(this, 'aws', { region, allowedAccountIds: [account] });
    new LocalBackend(this, { path: `../../../terraform.${name}.tfstate` });
    const federation = new OidcFederation(this, 'github', { issuer: issuers.gitHubActions() });
    for (const stack of stacks) {
      const { environment } = stack.integration;
      new EnvironmentBoundary(this, `${environment.name}-boundary`, { environment, stack });
      const role = new DeployRole(this, environment.name, {
        environment,
        stack,
        federation,
        // The job's environment at GitHub has the same name; its reviewers say who may deploy.
        subject: subjects.gitHub({ organization: 'example', repository: 'identity', environment: environment.name }),
        state: { bucket: 'example-terraform-state', key: `ad-lambda/${environment.name}.tfstate` },
      });
      new TerraformOutput(this, `deploy_role_arn_${environment.name}`, {
        value: role.arn,
        description: `role-to-assume of the job that deploys ${environment.name}`,
      });
    }
  }
}
