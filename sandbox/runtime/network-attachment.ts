/**
 * Attaching functions to the VPC, which Lambda does in the function's role when the function is created and undoes when it is deleted
 * (AWS Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC").
 */
import type { AwsEndpoint, Caller } from '../aws/endpoint.ts';

export interface NetworkAttachment {
  detach(): Promise<void>;
}

/** @throws AwsError when the role does not allow it */
export async function attachToNetwork(
  endpoint: AwsEndpoint,
  caller: Caller,
  network: { readonly subnetIds: readonly string[]; readonly securityGroupIds: readonly string[] },
): Promise<NetworkAttachment> {
  const { subnetIds, securityGroupIds } = network;
  const call = (operation: string, input: Record<string, unknown>) => endpoint.call(caller, 'ec2', operation, input);
  await call('DescribeSubnets', { SubnetIds: subnetIds });
  const interfaces: string[] = [];
  for (const SubnetId of subnetIds) {
    const { NetworkInterface } = await call('CreateNetworkInterface', { SubnetId, Groups: securityGroupIds });
    interfaces.push(String((NetworkInterface as { NetworkInterfaceId?: unknown }).NetworkInterfaceId));
  }
  await call('DescribeNetworkInterfaces', { NetworkInterfaceIds: interfaces });
  // One interface serves many environments: Lambda gives it addresses as it needs them, and takes them back.
  const [first] = interfaces;
  const assigned = await call('AssignPrivateIpAddresses', { NetworkInterfaceId: first, SecondaryPrivateIpAddressCount: 1 });
  const addresses = (assigned.AssignedPrivateIpAddresses ?? []) as readonly { PrivateIpAddress: string }[];
  return {
    detach: async () => {
      await call('UnassignPrivateIpAddresses', {
        NetworkInterfaceId: first,
        PrivateIpAddresses: addresses.map((one) => one.PrivateIpAddress),
      });
      for (const NetworkInterfaceId of interfaces) await call('DeleteNetworkInterface', { NetworkInterfaceId });
    },
  };
}
