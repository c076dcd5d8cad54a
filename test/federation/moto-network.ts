/** The network that the examples take as given, made in moto: its ids are random there, so the stack is written to them. */

/** Ids of VPCs, subnets, route tables and security groups of the synthesized text, each with the one that moto has for it. */
export async function existingNetwork(text: string, motoUrl: string, region: string): Promise<ReadonlyMap<string, string>> {
  const call = async (parameters: Readonly<Record<string, string>>, form: RegExp): Promise<string> => {
    const response = await fetch(motoUrl, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=none/20260101/${region}/ec2/aws4_request, SignedHeaders=host, Signature=none`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({ ...parameters, Version: '2016-11-15' }).toString(),
    });
    const answer = await response.text();
    return form.exec(answer)?.[0] ?? Promise.reject(new Error(`moto answers ${parameters.Action} with ${answer.slice(0, 300)}`));
  };
  const vpc = await call({ Action: 'CreateVpc', CidrBlock: '10.0.0.0/16' }, /vpc-[0-9a-f]{8,17}/);
  let count = 0;
  const make: Readonly<Record<string, () => Promise<string>>> = {
    vpc: async () => vpc,
    subnet: () => call({ Action: 'CreateSubnet', VpcId: vpc, CidrBlock: `10.0.${++count}.0/24` }, /subnet-[0-9a-f]{8,17}/),
    rtb: () => call({ Action: 'CreateRouteTable', VpcId: vpc }, /rtb-[0-9a-f]{8,17}/),
    sg: () =>
      call({ Action: 'CreateSecurityGroup', VpcId: vpc, GroupName: `given-${++count}`, GroupDescription: 'given' }, /sg-[0-9a-f]{8,17}/),
  };
  const made = new Map<string, string>();
  for (const id of new Set(text.match(/\b(?:vpc|subnet|rtb|sg)-[0-9a-f]{17}\b/g))) {
    const one = await make[id.slice(0, id.indexOf('-'))]?.();
    if (one !== undefined) made.set(id, one);
  }
  return made;
}

/** The text with each of the first written as the second. */
export const rewritten = (text: string, ids: Iterable<readonly [string, string]>): string =>
  [...ids].reduce((so, [from, to]) => so.replaceAll(from, to), text);
