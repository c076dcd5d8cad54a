/** Accounts at a SCIM server: users, marked by their externalId. */
import { type AccountState, type ListedAccount, type Mark, type Target, TargetConflictError, TargetMissingError } from '../../target.ts';
import { isStatus, type ScimClient } from './client.ts';
import type { Lists, Resource } from './listing.ts';
import { accountMark, accountMarkOf } from './marks.ts';
import { isActive, patchOf, profileOf, profileOperations, userOf } from './profile.ts';
import { halfMade, isRefusal, type Read, resourcesOf } from './resources.ts';

type Accounts = Required<
  Pick<Target, 'findAccount' | 'createAccount' | 'updateAccount' | 'deleteAccount' | 'readAccount' | 'setActive' | 'listAccounts'>
>;

const stateOf = (user: Resource): AccountState => ({ id: user.id, profile: profileOf(user), active: isActive(user) });
const listed = (user: Resource): ListedAccount => ({ ...stateOf(user), mark: accountMarkOf(user.externalId) });

const refusedRemedy =
  'give the directory account a user principal name that the target takes, and a mail address, both of which no other user there has';

/** Reads anew and tries again so often when somebody else changes the same user. */
const changeAttempts = 3;

export function usersOf(client: ScimClient, lists: Lists): Accounts {
  const users = resourcesOf(client, lists, '/Users');
  const rename = (id: string, userName: string) =>
    client({ method: 'PATCH', path: users.pathOf(id), body: patchOf([{ op: 'replace', path: 'userName', value: userName }]) });

  /** Two people of ours who swap their names would stay crossed for ever: this one is given up for a name that nobody has. */
  const makeWay = async (id: string, userName: string) => {
    const [holder] = await users.called('userName', userName);
    if (holder !== undefined && holder.id !== id && accountMarkOf(holder.externalId)) await rename(id, id);
  };

  /** Changes the user as it was read, and only if it carries the mark; read and tried again when it changed in between. */
  const changeOwn = async (id: string, mark: Mark, intended: string, change: (read: Read) => Promise<void>): Promise<boolean> => {
    for (let attempt = 1; ; attempt += 1) {
      const read = await users.read(id);
      if (read === undefined) return false;
      if (read.resource.externalId !== accountMark(mark)) {
        throw new TargetConflictError(
          `user ${id} does not carry the mark of ${mark.guid}: it is not ${intended}`,
          `see to it by hand, or set its externalId to "${accountMark(mark)}"`,
        );
      }
      try {
        await change(read);
        return true;
      } catch (error) {
        if (!isStatus(error, 412) || attempt === changeAttempts) throw error;
      }
    }
  };

  return {
    async findAccount(mark, profile, intent) {
      const [marked, ...others] = await users.marked(accountMark(mark));
      if (others.length > 0) {
        const ids = [marked, ...others].map((user) => user?.id).join(', ');
        throw new TargetConflictError(
          `${others.length + 1} users carry the mark of ${mark.guid}: ${ids}`,
          'keep the one that the person uses, and delete the others or take their externalId away',
        );
      }
      if (marked !== undefined) return stateOf(marked);
      for (const userName of new Set([intent?.userName ?? profile.userName, profile.userName])) {
        const [user] = await users.called('userName', userName);
        if (user === undefined) continue;
        if (halfMade(user, intent)) {
          await users.mark(user.id, accountMark(mark));
          return stateOf(user);
        }
        if (userName === profile.userName) throw userNameTaken(userName, user, mark);
      }
      return undefined;
    },

    async createAccount(mark, profile) {
      try {
        const answer = await client({ method: 'POST', path: '/Users', body: userOf(accountMark(mark), profile) });
        const user = await users.made(answer, accountMark(mark));
        return { id: user.id, profile, active: isActive(user) };
      } catch (cause) {
        if (!isRefusal(cause)) throw cause;
        throw new TargetConflictError(`the target refused to create user "${profile.userName}": ${cause.message}`, refusedRemedy, {
          cause,
          nothingMade: cause.attempts === 1,
        });
      }
    },

    async updateAccount(id, before, after) {
      const operations = profileOperations(before, after);
      if (operations.length === 0) return;
      try {
        await client({ method: 'PATCH', path: users.pathOf(id), body: patchOf(operations) });
      } catch (cause) {
        if (isStatus(cause, 404)) throw new TargetMissingError('account', `user ${id} is gone`, { cause });
        if (!isRefusal(cause)) throw cause;
        if (before.userName !== after.userName) await makeWay(id, after.userName);
        throw new TargetConflictError(`the target refused to update user ${id} to "${after.userName}": ${cause.message}`, refusedRemedy, {
          cause,
        });
      }
    },

    async deleteAccount(id, mark) {
      await changeOwn(id, mark, 'deleted', async ({ version }) => {
        try {
          await client({ method: 'DELETE', path: users.pathOf(id), version });
        } catch (error) {
          if (!isStatus(error, 404)) throw error;
        }
      });
    },

    async readAccount(id) {
      const read = await users.read(id);
      return read && listed(read.resource);
    },

    async setActive(id, mark, active) {
      const gone = (cause?: unknown) => new TargetMissingError('account', `user ${id} is gone`, { cause });
      const found = await changeOwn(id, mark, active ? 'made active' : 'made inactive', async ({ resource, version }) => {
        if (isActive(resource) === active) return;
        const operation = { op: 'replace', path: 'active', value: active } as const;
        const { body } = await client({ method: 'PATCH', path: users.pathOf(id), body: patchOf([operation]), version });
        // A server that does not know the attribute ignores it and answers with success.
        if (body?.active !== undefined && isActive(body) === active) return;
        const now = await users.read(id);
        if (now === undefined) throw gone();
        if (isActive(now.resource) !== active) {
          throw new TargetConflictError(
            `user ${id} stays ${active ? 'inactive' : 'active'} though the target was told otherwise`,
            'let the server take "active", or let the target delete accounts instead',
          );
        }
      });
      if (!found) throw gone();
    },

    async listAccounts(after) {
      const page = await lists.page('/Users', {}, after);
      return { items: page.resources.map(listed), after: page.after };
    },
  };
}

function userNameTaken(userName: string, user: Resource, mark: Mark): TargetConflictError {
  const holder = accountMarkOf(user.externalId);
  // Never a hand-over here: it would give one person's account to another.
  if (holder !== undefined) {
    return new TargetConflictError(
      `user "${userName}" (${user.id}) is the account of another person of the directory (${accountMark(holder)})`,
      'give each directory account a user principal name of its own',
    );
  }
  return new TargetConflictError(
    `user "${userName}" (${user.id}) exists at the target and does not carry our mark`,
    `rename or delete that user, or hand it over: set its externalId to "${accountMark(mark)}"`,
  );
}
