/**
 * The Security log of the sandbox's domain: Samba writes none, so whoever plays a change tells it here, as the domain controllers' Windows
 * would ("4728(S): A member was added to a security-enabled global group").
 */
import { sidText } from '../handlers/platform/object-identity.ts';
import { functionSetting } from './function-setting.ts';
import type { Sandbox } from './sandbox.ts';

type Told = Pick<Sandbox, 'stack' | 'endpoint' | 'population' | 'controller'>;

let recordId = 0;
const administrator = { SubjectUserName: 'Administrator', SubjectDomainName: 'CORP' };

/** The log group with the Security log; undefined when the environment reads none. */
export function securityLogGroup({ functions }: Told['stack']): string | undefined {
  if (![...functions.values()].some(({ environment }) => environment.SECURITY_LOGS)) return undefined;
  const [log] = JSON.parse(functionSetting({ functions }, 'SECURITY_LOGS')) as { logGroup: string }[];
  return log?.logGroup;
}

/** Tells that the domain's administrator put a member into a group. */
export async function tellMemberAdded(sandbox: Told, logGroupName: string, groupDn: string, memberDn: string): Promise<void> {
  const { controller } = sandbox;
  recordId += 1;
  const sids = await Promise.all([memberDn, groupDn, controller.administratorDn].map((dn) => sidOf(sandbox, dn)));
  const [MemberSid = '', TargetSid = '', SubjectUserSid = ''] = sids;
  const data = Object.entries({ MemberName: memberDn, MemberSid, TargetSid, SubjectUserSid, ...administrator });
  const xml = [
    `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/>`,
    `<EventID>4728</EventID><TimeCreated SystemTime='${new Date().toISOString()}'/><EventRecordID>${recordId}</EventRecordID>`,
    `<Channel>Security</Channel><Computer>${controller.host}</Computer></System><EventData>`,
    ...data.map(([name, value]) => `<Data Name='${name}'>${value}</Data>`),
    '</EventData></Event>',
  ].join('');
  await putEvent(sandbox, logGroupName, xml);
}

/** As whoever writes there: AWS Directory Service, where it forwards the log, else the agent of a domain controller. */
async function putEvent({ stack, endpoint, controller }: Told, logGroupName: string, message: string): Promise<void> {
  const forwarded = stack.resources.some(({ type }) => type === 'aws_directory_service_log_subscription');
  const writer = forwarded ? { service: 'ds.amazonaws.com' } : 'operator';
  const stream = { logGroupName, logStreamName: controller.host };
  const { logStreams } = await endpoint.call('operator', 'logs', 'DescribeLogStreams', { logGroupName });
  if (!(logStreams as { logStreamName: string }[]).some(({ logStreamName }) => logStreamName === controller.host))
    await endpoint.call(writer, 'logs', 'CreateLogStream', stream);
  await endpoint.call(writer, 'logs', 'PutLogEvents', { ...stream, logEvents: [{ timestamp: Date.now(), message }] });
}

async function sidOf({ population }: Told, dn: string): Promise<string> {
  const { searchEntries } = await population.admin.search(dn, {
    scope: 'base',
    attributes: ['objectSid'],
    explicitBufferAttributes: ['objectSid'],
  });
  return sidText(searchEntries[0]?.objectSid as Buffer);
}
