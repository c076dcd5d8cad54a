/** An AWS Managed Microsoft AD, for which the sandbox's own domain controller stands in, and the forwarding of its Security log. */
import type { Arguments } from '../arguments.ts';
import { asObject, type JsonObject } from '../template.ts';
import type { ApplyContext, Attributes, ResourceTypes, SandboxDirectory } from './resource.ts';

const standIn = "the sandbox's domain controller stands in for the managed directory";

export const directory: ResourceTypes = {
  aws_cloudformation_stack: { withoutEffect: standIn, apply: applyStack },
  aws_directory_service_log_subscription: { apply: applyLogSubscription },
};

/** Data sources, by type. */
export const directoryData: ResourceTypes = { aws_directory_service_directory: { withoutEffect: standIn, apply: readDirectory } };

function applyStack(config: Arguments, context: ApplyContext): Attributes {
  const template = asObject(config.json('template_body'), `${config.address}: template_body`);
  const resources = asObject(template.Resources, `${config.address}: Resources`);
  const types = Object.values(resources).map((resource) => String((resource as JsonObject).Type));
  const unknown = types.find((type) => type !== 'AWS::DirectoryService::MicrosoftAD' && type !== 'AWS::SecretsManager::Secret');
  if (unknown !== undefined || !types.includes('AWS::DirectoryService::MicrosoftAD')) {
    throw new Error(
      `${config.address}: the sandbox follows a CloudFormation stack with a managed directory alone, not ${types.join(', ')}`,
    );
  }
  const running = directoryOf(context, config.address);
  return { id: config.text('name'), outputs: outputsOf(template, running, config.address) };
}

/** Each output by what it takes of the directory: its id (`Ref`) or an attribute (`Fn::GetAtt`). */
function outputsOf(template: JsonObject, running: SandboxDirectory, address: string): Record<string, string> {
  const outputs = Object.entries(asObject(template.Outputs ?? {}, `${address}: Outputs`));
  return Object.fromEntries(
    outputs.map(([name, output]) => {
      const text = JSON.stringify((output as JsonObject).Value);
      if (text.includes('DnsIpAddresses')) return [name, running.dnsIpAddresses.join(',')];
      return [name, /Secret/.test(text) ? 'not-created-in-the-sandbox' : running.id];
    }),
  );
}

function readDirectory(config: Arguments, context: ApplyContext): Attributes {
  const running = directoryOf(context, config.address);
  return {
    id: running.id,
    name: running.domain,
    type: 'MicrosoftAD',
    dns_ip_addresses: running.dnsIpAddresses,
    security_group_id: running.securityGroupId,
  };
}

async function applyLogSubscription(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const id = config.text('directory_id');
  await context.operator('ds', 'CreateLogSubscription', { DirectoryId: id, LogGroupName: config.text('log_group_name') });
  return { id };
}

function directoryOf(context: ApplyContext, address: string): SandboxDirectory {
  if (context.directory === undefined)
    throw new Error(`${address}: no running directory was given to stand in: start the domain controller first`);
  return context.directory;
}
