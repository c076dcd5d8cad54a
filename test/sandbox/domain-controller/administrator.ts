/** What tests of domain controllers ask of one, as its administrator, on a connection of its own each time. */
import { Client } from 'ldapts';
import { guidText } from '../../../handlers/platform/object-identity.ts';
import type { DomainController } from '../../../sandbox/domain-controller/index.ts';

export async function asAdministrator<Result>(dc: DomainController, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ url: dc.ldapsUrl, tlsOptions: { ca: [dc.ca] } });
  try {
    await client.bind(dc.administratorDn, dc.administratorPassword);
    return await use(client);
  } finally {
    await client.unbind();
  }
}

export const userDn = (dc: DomainController, name: string): string => `CN=${name},CN=Users,${dc.baseDn}`;

export const addUser = (dc: DomainController, name: string): Promise<void> =>
  asAdministrator(dc, (client) => client.add(userDn(dc, name), { objectClass: 'user', sAMAccountName: name }));

/** @returns the objectSid of a user, in hexadecimal; undefined when there is none */
export async function sidOf(dc: DomainController, name: string): Promise<string | undefined> {
  const { searchEntries } = await asAdministrator(dc, (client) =>
    client.search(dc.baseDn, { filter: `(sAMAccountName=${name})`, attributes: ['objectSid'], explicitBufferAttributes: ['objectSid'] }),
  );
  return searchEntries.map((entry) => (entry.objectSid as Buffer).toString('hex'))[0];
}

export interface Replica {
  readonly highestCommittedUsn: number;
  readonly invocationId: string;
}

/** rootDSE, and the invocationId of the DSA it names (MS-ADTS, sections 3.1.1.3.2.7 and 3.1.1.3.2.14). */
export async function replicaOf(dc: DomainController): Promise<Replica> {
  return asAdministrator(dc, async (client) => {
    const { searchEntries: roots } = await client.search('', { scope: 'base', attributes: ['highestCommittedUSN', 'dsServiceName'] });
    const { searchEntries: services } = await client.search(String(roots[0]?.dsServiceName), {
      scope: 'base',
      attributes: ['invocationId'],
      explicitBufferAttributes: ['invocationId'],
    });
    return { highestCommittedUsn: Number(roots[0]?.highestCommittedUSN), invocationId: guidText(services[0]?.invocationId as Buffer) };
  });
}
