/** The events of the Windows Security log that tell of changes in the directory, by number. */

/** What was done to the subject. The same word for users, groups and computers: the subject's SID or GUID says which it is. */
export type Action =
  | 'created'
  | 'enabled'
  | 'disabled'
  | 'password-changed'
  | 'password-reset'
  | 'changed'
  | 'modified'
  | 'locked-out'
  | 'unlocked'
  | 'renamed'
  | 'moved'
  | 'deleted'
  | 'restored'
  | 'member-added'
  | 'member-removed';

/**
 * Event ids and their meaning ("Advanced security audit policy settings": User Account Management, Security Group Management, Computer
 * Account Management, Directory Service Changes). Groups come in threes: global, local, universal.
 * `changed` is what the account management events say, `modified` what an audited object says of any attribute.
 * 4781 is a change of sAMAccountName; a new common name is a `moved` (5139), as it is a modify DN.
 */
export const actions: ReadonlyMap<number, Action> = new Map([
  [4720, 'created'],
  [4722, 'enabled'],
  [4723, 'password-changed'],
  [4724, 'password-reset'],
  [4725, 'disabled'],
  [4726, 'deleted'],
  [4738, 'changed'],
  [4740, 'locked-out'],
  [4767, 'unlocked'],
  [4781, 'renamed'],
  ...([4728, 4732, 4756] as const).map((id) => [id, 'member-added'] as const),
  ...([4729, 4733, 4757] as const).map((id) => [id, 'member-removed'] as const),
  ...([4727, 4731, 4754] as const).map((id) => [id, 'created'] as const),
  ...([4730, 4734, 4758] as const).map((id) => [id, 'deleted'] as const),
  ...([4735, 4737, 4755] as const).map((id) => [id, 'changed'] as const),
  [4741, 'created'],
  [4742, 'changed'],
  [4743, 'deleted'],
  [5136, 'modified'],
  [5137, 'created'],
  [5138, 'restored'],
  [5139, 'moved'],
  [5141, 'deleted'],
]);

export const eventIdsOfInterest: readonly number[] = [...actions.keys()];
