/** Network paths that open: rules of security groups, a function outside its VPC, endpoints. */
import { isPublic } from '../permissions/reach.ts';
import { readStatements } from '../permissions/statement.ts';
import type { PlannedChange } from '../plan.ts';
import { isRecord, jsonIn, numberAt, textAt, unknownText, type Values, valueAt } from '../plan-values.ts';
import type { Check, Place } from '../reviewed.ts';
import { isEmpty, isPlanned, ofEach, stays } from './changed-values.ts';

/** A rule of a security group, whichever resource it stands in. */
interface Opening {
  readonly address: string;
  readonly direction: 'ingress' | 'egress';
  /** `-1`: all. */
  readonly protocol: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Networks, prefix lists and security groups. */
  readonly others: readonly string[];
}

const anywhere = (other: string): boolean => /\/0$/.test(other);

const textsOf = (values: Values, ...names: readonly string[]): readonly string[] =>
  names.flatMap((name) => [valueAt(values, name) ?? []].flat()).filter((one): one is string => typeof one === 'string' && one !== '');

function openingOf(address: string, direction: Opening['direction'], values: Values): Opening {
  const others = [
    ...textsOf(values, 'cidr_ipv4', 'cidr_ipv6', 'cidr_blocks', 'ipv6_cidr_blocks', 'prefix_list_id', 'prefix_list_ids'),
    ...textsOf(values, 'referenced_security_group_id', 'source_security_group_id', 'security_groups'),
    ...(valueAt(values, 'self') === true ? ['itself'] : []),
  ];
  const protocol = textAt(values, 'ip_protocol') ?? textAt(values, 'protocol') ?? '-1';
  return {
    address,
    direction,
    protocol: protocol === 'all' ? '-1' : protocol,
    from: numberAt(values, 'from_port'),
    to: numberAt(values, 'to_port'),
    others,
  };
}

function openingsOf({ address, type }: PlannedChange, values: Values | undefined): readonly Opening[] {
  if (values === undefined) return [];
  if (type === 'aws_vpc_security_group_ingress_rule') return [openingOf(address, 'ingress', values)];
  if (type === 'aws_vpc_security_group_egress_rule') return [openingOf(address, 'egress', values)];
  if (type === 'aws_security_group_rule') return [openingOf(address, valueAt(values, 'type') === 'egress' ? 'egress' : 'ingress', values)];
  if (type !== 'aws_security_group' && type !== 'aws_default_security_group') return [];
  return (['ingress', 'egress'] as const).flatMap((direction) => {
    const rules = valueAt(values, direction);
    return Array.isArray(rules) ? rules.filter(isRecord).map((rule) => openingOf(address, direction, rule as Values)) : [];
  });
}

/** Whether an opening lets through what another one does: same direction, its ports within, its others among. */
const covers = (wide: Opening, narrow: Opening): boolean =>
  wide.direction === narrow.direction &&
  (wide.protocol === '-1' ||
    (wide.protocol === narrow.protocol && (wide.from ?? 0) <= (narrow.from ?? 0) && (wide.to ?? 65_535) >= (narrow.to ?? 65_535))) &&
  narrow.others.every(
    (other) =>
      wide.others.includes(other) ||
      wide.others.some((one) => anywhere(one) && one.includes(':') === other.includes(':') && /\//.test(other)),
  );

const openingText = ({ direction, protocol, from, to, others }: Opening): string => {
  const ports = protocol === '-1' ? 'all protocols and ports' : `${protocol} ${from ?? 'all'}${to === from ? '' : `-${to ?? 'all'}`}`;
  return `${direction === 'ingress' ? 'in from' : 'out to'} ${others.join(', ') || 'what is known after apply'}, ${ports}`;
};

const newOpenings =
  (wanted: (opening: Opening) => boolean): Check =>
  ({ plan }) =>
    plan.changes.filter(isPlanned).flatMap((change): readonly Place[] => {
      const before = openingsOf(change, change.before);
      return openingsOf(change, change.after)
        .filter((opening) => wanted(opening) && !before.some((old) => covers(old, opening)))
        .map((opening) => ({ address: change.address, detail: openingText(opening) }));
    });

const spans = ({ protocol, from, to }: Opening, port: number): boolean =>
  protocol === '-1' || (['tcp', 'udp', '6', '17'].includes(protocol) && (from ?? 0) <= port && (to ?? 65_535) >= port);

export const networkOpened: Check = newOpenings(({ direction, others }) => direction === 'ingress' && others.some(anywhere));
export const egressOpened: Check = newOpenings(({ direction, others }) => direction === 'egress' && others.some(anywhere));
export const portsWide: Check = newOpenings(
  (opening) => opening.protocol === '-1' || (opening.to ?? 65_535) - (opening.from ?? 0) > mostPorts,
);
/** LDAP and the global catalogue without TLS (IANA, "Service Name and Transport Protocol Port Number Registry": ldap, msft-gc). */
export const plainLdapPorts: Check = newOpenings(
  (opening) => opening.protocol !== '-1' && [389, 3268].some((port) => spans(opening, port)),
);
export const pathsAdded: Check = newOpenings(() => true);

const mostPorts = 100;

export const plainLdapUrls: Check = ofEach(['aws_lambda_function'], (change) => {
  const variables = valueAt(change.after, 'environment.0.variables');
  if (!isRecord(variables)) return undefined;
  return Object.entries(variables).flatMap(([name, value]) =>
    typeof value === 'string' && /(?:^|[\s,"])ldap:\/\//i.test(value) ? [`${name} has a URL of LDAP without TLS`] : [],
  );
});

export const functionLeavesVpc: Check = ofEach(['aws_lambda_function'], ({ action, before, after, ...change }) => {
  if (!stays({ action, before, after, ...change })) return undefined;
  const subnets = (values: Values | undefined) => valueAt(values, 'vpc_config.0.subnet_ids');
  return !isEmpty(subnets(before)) && isEmpty(subnets(after)) ? 'it leaves its VPC, and calls from the internet' : undefined;
});

/** Without a policy an endpoint lets everything pass (AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies"). */
export const endpointOpen: Check = ofEach(['aws_vpc_endpoint', 'aws_vpc_endpoint_policy'], (change) => {
  const { action, before, after } = change;
  if (!isPlanned(change) || valueAt(before, 'policy') === valueAt(after, 'policy')) return undefined;
  const written = valueAt(after, 'policy');
  // What nobody configured is known after apply only: the default.
  if (isEmpty(written) || written === unknownText)
    return action === 'create' ? 'it has no policy: it lets every call of everybody pass' : undefined;
  const statements = readStatements(jsonIn(typeof written === 'string' ? written : undefined));
  return statements?.some((statement) => isPublic(statement) && statement.actions.entries.some(({ text }) => text === '*'))
    ? 'its policy lets every call of everybody pass'
    : undefined;
});
