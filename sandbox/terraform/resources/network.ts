/** The VPC around a function. Loopback has no packets to filter: the function host stands in for the security group's outgoing rules. */
import { createHash } from 'node:crypto';
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, type ResourceTypes, withoutEffect } from './resource.ts';

export const network: ResourceTypes = {
  aws_security_group: withoutEffect('the function host lets out what the outgoing rules name', (config, context) => {
    const id = madeId('sg', config.address);
    return { id, arn: context.arn('ec2', `security-group/${id}`), owner_id: context.account };
  }),
  aws_vpc_security_group_egress_rule: { apply: applyEgress },
  aws_vpc_security_group_ingress_rule: withoutEffect('nothing but the sandbox itself listens behind the groups', ({ address }) => ({
    id: madeId('sgr', address),
    security_group_rule_id: madeId('sgr', address),
  })),
  aws_vpc_endpoint: withoutEffect("the sandbox's endpoint is reached on loopback", ({ address }, context) => ({
    id: madeId('vpce', address),
    arn: context.arn('ec2', `vpc-endpoint/${madeId('vpce', address)}`),
    prefix_list_id: madeId('pl', address),
    dns_entry: [],
    network_interface_ids: [],
  })),
};

/** Terraform's rule resources speak one protocol and one range of ports each. */
function applyEgress(config: Arguments, context: ApplyContext): Attributes {
  const group = config.text('security_group_id');
  const protocol = config.text('ip_protocol');
  if (protocol !== 'tcp')
    throw new Error(`${config.address}: ip_protocol ${protocol} is not followed by the sandbox: let out TCP ports one by one`);
  const from = config.number('from_port', 0);
  const to = config.number('to_port', from);
  if (to - from > 100) throw new Error(`${config.address}: ports ${from} to ${to} are let out: name the ports that the function needs`);
  config.withoutEffect('referenced_security_group_id', 'prefix_list_id', 'cidr_ipv4', 'cidr_ipv6', 'description', 'tags');
  const ports = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  context.stack.egressPorts.set(group, [...(context.stack.egressPorts.get(group) ?? []), ...ports]);
  const id = madeId('sgr', config.address);
  return { id, security_group_rule_id: id, arn: context.arn('ec2', `security-group-rule/${id}`) };
}

/** An id in EC2's form, the same on every run. */
function madeId(prefix: string, address: string): string {
  return `${prefix}-${createHash('sha256').update(address).digest('hex').slice(0, 17)}`;
}
