/** IPv4 and IPv6 address ranges, as EventBridge's `cidr` and IAM's `IpAddress` use them. */

import { BlockList, isIP } from 'node:net';

const FAMILY = { 4: 'ipv4', 6: 'ipv6' } as const;

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 4 || version === 6 ? FAMILY[version] : undefined;
}

/** A test whether an address lies in `network`/`prefix` (RFC 4632), or undefined when the two are no valid range. */
export function addressRange(network: string, prefix: number): ((address: string) => boolean) | undefined {
  const family = familyOf(network);
  if (family === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 'ipv4' ? 32 : 128)) return undefined;
  const range = new BlockList();
  range.addSubnet(network, prefix, family);
  return (address) => {
    const addressFamily = familyOf(address);
    return addressFamily !== undefined && range.check(address, addressFamily);
  };
}
