/** A role message as the FIFO queue of its target takes it. */
import { createHash } from 'node:crypto';
import type { MessageEntry } from '../platform/queue.ts';
import type { RoleMessage } from './role-message.ts';

/** Characters of either id, SQS's limit. */
const most = 128;

/**
 * Messages of one principal, of one role, or about sessions, form a group, which keeps their order. Only domain and GUID together name a principal: another
 * forest's of the same GUID must neither wait for its messages nor swallow them. What SQS drops as a duplicate (within five minutes) is the
 * same message: of one revision, and to the letter, so that one with another cause is not lost.
 */
export function roleEntry(message: RoleMessage): Required<MessageEntry> {
  const MessageBody = JSON.stringify(message);
  const [group, revision] = orderOf(message);
  return {
    MessageBody,
    // Ids are of printable ASCII. A domain's name is longer, or in another script, in no Active Directory that we know; it works all the same.
    MessageGroupId: group.length <= most && /^[!-~]+$/.test(group) ? group : digest(group),
    MessageDeduplicationId: `${revision}-${digest(MessageBody)}`,
  };
}

function orderOf(message: RoleMessage): readonly [group: string, revision: number] {
  if ('sweep' in message) return ['sweep', 0];
  return 'role' in message ? [`role#${message.role.toLowerCase()}`, 0] : [`${message.domain}#${message.guid}`, message.revision];
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
