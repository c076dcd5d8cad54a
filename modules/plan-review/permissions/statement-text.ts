/** Statements in a line, for people. */
import type { Entries, Statement } from './statement.ts';

const listed = ({ negated, entries }: Entries): string => `${negated ? 'all but ' : ''}${entries.map(({ text }) => text).join(', ')}`;

/** `Allow sqs:SendMessage on arn:… for Service:events.amazonaws.com if StringEquals aws:SourceAccount = 111122223333` */
export function statementText({ effect, actions, resources, principals, conditions }: Statement): string {
  const whose =
    principals === undefined
      ? ''
      : ` for ${principals.negated ? 'everybody but ' : ''}${principals.names.map((name) => (name === '*' ? 'everybody' : name)).join(', ')}`;
  const where = resources === undefined ? '' : ` on ${listed(resources)}`;
  const when = conditions.map(
    ({ set, operator, ifExists, key, values }) =>
      `${set && `${set}:`}${operator}${ifExists ? 'IfExists' : ''} ${key} = ${values.join(' | ')}`,
  );
  return `${effect} ${listed(actions)}${where}${whose}${when.length === 0 ? '' : ` if ${when.join(' and ')}`}`;
}

/** What a reader looks a statement up by. */
export const statementName = (statement: Statement): string => statement.sid || `${statement.effect} ${listed(statement.actions)}`;
