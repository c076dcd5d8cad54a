/** Security events of example.com, in the forms in which they reach CloudWatch Logs. */

export const domainSid = 'S-1-5-21-1004336348-1177238915-682003330';
export const admin = { sid: `${domainSid}-1104`, name: 'CORP\\ops.admin' } as const;
export const userSid = `${domainSid}-2201`;
export const groupSid = `${domainSid}-3301`;
export const objectGuid = '4fe80a66-5f93-4f73-b215-68678058e613';

export interface WindowsEvent {
  readonly id: number;
  readonly time?: string;
  readonly recordId?: string | number;
  readonly computer?: string;
  readonly provider?: string;
  /** Besides the subject, which is the admin. `undefined` leaves a field out. */
  readonly data?: Readonly<Record<string, string | undefined>>;
}

const subject = {
  SubjectUserSid: admin.sid,
  SubjectUserName: 'ops.admin',
  SubjectDomainName: 'CORP',
  SubjectLogonId: '0x32004',
};

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** One event as EvtRender writes it for an agent: on one line, in single quotes. */
export function oneLine({
  id,
  time = '2025-03-01T10:00:00.1234567Z',
  recordId = 410204,
  computer = 'dc1.corp.example.com',
  provider = 'Microsoft-Windows-Security-Auditing',
  data = {},
}: WindowsEvent): string {
  const fields = Object.entries({ ...subject, ...data }).flatMap(([name, value]) =>
    value === undefined ? [] : [`<Data Name='${name}'>${escaped(value)}</Data>`],
  );
  return [
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>",
    `<Provider Name='${provider}' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/><EventID>${id}</EventID><Version>0</Version>`,
    `<Level>0</Level><Task>13824</Task><Opcode>0</Opcode><Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='${time}'/>`,
    `<EventRecordID>${recordId}</EventRecordID><Correlation/><Execution ProcessID='520' ThreadID='600'/><Channel>Security</Channel>`,
    `<Computer>${escaped(computer)}</Computer><Security/></System><EventData>${fields.join('')}</EventData></Event>`,
  ].join('');
}

/** The same on many lines and in double quotes. */
export const manyLines = (event: WindowsEvent): string => oneLine(event).replaceAll("'", '"').replaceAll('><', '>\r\n  <');

export const forms = [
  ['on one line', oneLine],
  ['on many lines', manyLines],
] as const;
