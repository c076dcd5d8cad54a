// The names of a domain and of its controller, all derived from a realm and a host name.

export interface Domain {
  /** Upper case, `CORP.EXAMPLE.COM`. */
  readonly realm: string;
  /** NetBIOS name, `CORP`. */
  readonly netbiosDomain: string;
  /** `corp.example.com` */
  readonly name: string;
  /** `DC=corp,DC=example,DC=com` */
  readonly baseDn: string;
  /** `dc1` */
  readonly hostName: string;
  /** `dc1.corp.example.com` */
  readonly host: string;
  readonly administratorDn: string;
}

/** NetBIOS names end at 15 characters (RFC 1001, section 14), and the host name becomes one. */
const label = /^[a-z][a-z0-9-]{0,13}[a-z0-9]$/i;

/** @throws Error when the realm has less than two labels, or one that is not a DNS label of 2 to 15 letters, digits and hyphens */
export function describeDomain(realm: string, hostName: string): Domain {
  const labels = realm.toLowerCase().split('.');
  const [first = ''] = labels;
  if (labels.length < 2 || !labels.every((part) => label.test(part))) {
    throw new Error(`realm "${realm}" is not a DNS name with labels of 2 to 15 letters, digits or hyphens; use one like CORP.EXAMPLE.COM`);
  }
  if (!label.test(hostName)) throw new Error(`host name "${hostName}" is not 2 to 15 letters, digits or hyphens; use one like dc1`);
  const name = labels.join('.');
  const baseDn = labels.map((part) => `DC=${part}`).join(',');
  return {
    realm: realm.toUpperCase(),
    netbiosDomain: first.toUpperCase(),
    name,
    baseDn,
    hostName: hostName.toLowerCase(),
    host: `${hostName.toLowerCase()}.${name}`,
    administratorDn: `CN=Administrator,CN=Users,${baseDn}`,
  };
}
