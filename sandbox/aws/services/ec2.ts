import { randomBytes } from 'node:crypto';
import { AwsError } from '../error.ts';
import { optionalNumber, text, texts } from '../input.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';

// EC2, only what Lambda does in a function's role to attach it to a VPC, and only from within the process: there is no VPC here, but
// the role must allow the calls.

interface NetworkInterface {
  readonly id: string;
  readonly subnetId: string;
  readonly groups: readonly string[];
  readonly addresses: string[];
}

export function ec2({ region, account }: Surroundings): Service {
  const interfaces = new Map<string, NetworkInterface>();
  const arn = (resource: string): string => `arn:aws:ec2:${region}:${account}:${resource}`;

  const interfaceOf = (input: Input): NetworkInterface => {
    const id = text(input, 'NetworkInterfaceId');
    const found = interfaces.get(id);
    if (!found) throw new AwsError('InvalidNetworkInterfaceID.NotFound', `The networkInterface ID '${id}' does not exist`);
    return found;
  };
  const shown = (one: NetworkInterface): Output => ({
    NetworkInterfaceId: one.id,
    SubnetId: one.subnetId,
    Groups: one.groups.map((GroupId) => ({ GroupId })),
    PrivateIpAddresses: one.addresses.map((PrivateIpAddress) => ({ PrivateIpAddress })),
    Status: 'available',
  });

  function create(input: Input): Output {
    const id = `eni-0${randomBytes(8).toString('hex')}`;
    const created: NetworkInterface = { id, subnetId: text(input, 'SubnetId'), groups: texts(input, 'Groups'), addresses: [] };
    interfaces.set(id, created);
    return { NetworkInterface: shown(created) };
  }

  function assign(input: Input): Output {
    const { addresses } = interfaceOf(input);
    const count = optionalNumber(input, 'SecondaryPrivateIpAddressCount') ?? 1;
    // Of TEST-NET-1 (RFC 5737): an address that leads nowhere
    const added = Array.from({ length: count }, (_, index) => `192.0.2.${(addresses.length + index + 1) % 255}`);
    addresses.push(...added);
    return { AssignedPrivateIpAddresses: added.map((PrivateIpAddress) => ({ PrivateIpAddress })) };
  }

  const onInterface = (action: string, run: Operation['run']): Operation => ({
    authorize: (input) => [{ action: `ec2:${action}`, resource: arn(`network-interface/${text(input, 'NetworkInterfaceId')}`) }],
    run,
  });
  const anywhere = (action: string, run: Operation['run']): Operation => ({
    authorize: () => [{ action: `ec2:${action}`, resource: '*' }],
    run,
  });

  return {
    name: 'ec2',
    operations: {
      DescribeSubnets: anywhere('DescribeSubnets', (input) => ({
        Subnets: texts(input, 'SubnetIds').map((SubnetId) => ({ SubnetId, State: 'available' })),
      })),
      DescribeNetworkInterfaces: anywhere('DescribeNetworkInterfaces', (input) => {
        const ids = texts(input, 'NetworkInterfaceIds');
        return { NetworkInterfaces: [...interfaces.values()].filter((one) => ids.length === 0 || ids.includes(one.id)).map(shown) };
      }),
      CreateNetworkInterface: {
        authorize: (input): Authorization[] =>
          ['network-interface/*', `subnet/${text(input, 'SubnetId')}`, ...texts(input, 'Groups').map((id) => `security-group/${id}`)].map(
            (resource) => ({ action: 'ec2:CreateNetworkInterface', resource: arn(resource) }),
          ),
        run: create,
      },
      DeleteNetworkInterface: onInterface('DeleteNetworkInterface', (input) => {
        interfaces.delete(interfaceOf(input).id);
        return {};
      }),
      AssignPrivateIpAddresses: onInterface('AssignPrivateIpAddresses', assign),
      UnassignPrivateIpAddresses: onInterface('UnassignPrivateIpAddresses', (input) => {
        const { addresses } = interfaceOf(input);
        for (const address of texts(input, 'PrivateIpAddresses')) addresses.splice(addresses.indexOf(address), 1);
        return {};
      }),
    },
  };
}
