/** Accounts: users of the identity store. They are always active: the Identity Store API shows a user's status and cannot set it. */
import {
  ConflictException,
  CreateUserCommand,
  DeleteUserCommand,
  DescribeUserCommand,
  GetUserIdCommand,
  ListUsersCommand,
  ResourceNotFoundException,
  UpdateUserCommand,
  type User,
  ValidationException,
} from '@aws-sdk/client-identitystore';
import {
  type AccountState,
  type ListedAccount,
  type Mark,
  type Page,
  type Target,
  TargetConflictError,
  TargetMissingError,
} from '../../target.ts';
import { type AttributeOperation, attributeOperations, profileOf, userAttributes } from './attributes.ts';
import { accountMark, accountMarkOf, carries, halfMade } from './marks.ts';
import { absentAsUndefined, type Store } from './store.ts';

type Accounts = Pick<Target, 'findAccount' | 'createAccount' | 'updateAccount' | 'deleteAccount' | 'readAccount' | 'listAccounts'>;

/** The most that ListUsers answers (Identity Store API Reference). */
const pageSize = 100;

export function accounts({ client, IdentityStoreId }: Store): Accounts {
  const describe = (UserId: string) => client.send(new DescribeUserCommand({ IdentityStoreId, UserId }));
  // The SDK's document type knows no read-only values.
  const update = (UserId: string, operations: readonly AttributeOperation[]) =>
    client.send(new UpdateUserCommand({ IdentityStoreId, UserId, Operations: operations as never }));
  const setMark = (UserId: string, mark: Mark) => update(UserId, [{ AttributePath: 'externalIds', AttributeValue: [accountMark(mark)] }]);
  const idBy = (AlternateIdentifier: ConstructorParameters<typeof GetUserIdCommand>[0]['AlternateIdentifier']) =>
    absentAsUndefined(client.send(new GetUserIdCommand({ IdentityStoreId, AlternateIdentifier }))).then((found) => found?.UserId);
  const idByName = (userName: string) => idBy({ UniqueAttribute: { AttributePath: 'userName', AttributeValue: userName } });

  /**
   * Where the name is held by another account of ours, that one may be waiting for ours: two people who swap their names would stay crossed
   * for ever. So we give ours up for a name that nobody has; the next attempts find both free.
   */
  const makeWay = async (UserId: string, userName: string) => {
    const holder = await idByName(userName);
    if (holder === undefined || holder === UserId) return;
    const user = await absentAsUndefined(describe(holder));
    if (accountMarkOf(user?.ExternalIds) === undefined) return;
    await update(UserId, [{ AttributePath: 'userName', AttributeValue: UserId }]);
  };

  return {
    async findAccount(mark, profile, intent): Promise<AccountState | undefined> {
      const marked = await idBy({ ExternalId: accountMark(mark) });
      const known = marked && (await absentAsUndefined(describe(marked)));
      if (marked && known) return { id: marked, profile: profileOf(known) };
      for (const userName of new Set([intent?.userName ?? profile.userName, profile.userName])) {
        const id = await idByName(userName);
        if (id === undefined) continue;
        const user = await absentAsUndefined(describe(id));
        if (user === undefined) continue; // deleted between the two calls: the name is free
        if (halfMade(user, intent)) {
          await setMark(id, mark);
          return { id, profile: profileOf(user) };
        }
        if (userName === profile.userName) throw userNameTaken(userName, id, mark, accountMarkOf(user.ExternalIds));
      }
      return undefined;
    },

    async createAccount(mark, profile): Promise<AccountState> {
      const { command, unanswered } = watched(new CreateUserCommand({ IdentityStoreId, ...userAttributes(profile) }));
      let made = false;
      try {
        const { UserId } = await client.send(command);
        const id = UserId ?? '';
        made = true;
        await setMark(id, mark);
        return { id, profile };
      } catch (cause) {
        if (!isRefusal(cause)) throw cause;
        throw new TargetConflictError(`Identity Center refused to create user "${profile.userName}": ${cause.message}`, refusedRemedy, {
          cause,
          nothingMade: !made && !unanswered(),
        });
      }
    },

    async updateAccount(UserId, before, after) {
      const operations = attributeOperations(before, after);
      if (operations.length === 0) return;
      try {
        await update(UserId, operations);
      } catch (cause) {
        if (cause instanceof ResourceNotFoundException) throw new TargetMissingError('account', `user ${UserId} is gone`, { cause });
        if (!isRefusal(cause)) throw cause;
        if (before.userName !== after.userName) await makeWay(UserId, after.userName);
        throw new TargetConflictError(
          `Identity Center refused to update user ${UserId} to "${after.userName}": ${cause.message}`,
          refusedRemedy,
          { cause },
        );
      }
    },

    async deleteAccount(UserId, mark) {
      const user = await absentAsUndefined(describe(UserId));
      if (user === undefined) return;
      if (!carries(user.ExternalIds, accountMark(mark))) {
        throw new TargetConflictError(
          `user ${UserId} does not carry the mark of ${mark.guid}: it is not deleted`,
          `delete it by hand, or set its external id to issuer "${accountMark(mark).Issuer}", id "${mark.guid}"`,
        );
      }
      await absentAsUndefined(client.send(new DeleteUserCommand({ IdentityStoreId, UserId })));
    },

    async readAccount(UserId): Promise<ListedAccount | undefined> {
      const user = await absentAsUndefined(describe(UserId));
      return user && listed(user);
    },

    async listAccounts(NextToken): Promise<Page<ListedAccount>> {
      const page = await client.send(new ListUsersCommand({ IdentityStoreId, MaxResults: pageSize, NextToken }));
      if (page.Users === undefined) throw new Error('ListUsers answered without users: the page is not complete');
      return { items: page.Users.map(listed), after: page.NextToken };
    },
  };
}

function listed(user: User): ListedAccount {
  if (user.UserId === undefined) throw new Error('the identity store showed a user without its id: the answer is not complete');
  return { id: user.UserId, profile: profileOf(user), mark: accountMarkOf(user.ExternalIds) };
}

/**
 * Notices whether an attempt of a call remained without an answer: a lost one may have been carried out. A throttle or another refusal (4xx)
 * has an answer, and nothing came of it.
 */
function watched(command: CreateUserCommand): { readonly command: CreateUserCommand; readonly unanswered: () => boolean } {
  let unanswered = false;
  command.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if ((error as { readonly $fault?: string }).$fault !== 'client') unanswered = true;
        throw error;
      }
    },
    { step: 'deserialize', priority: 'high', name: 'noticeLostAnswers' },
  );
  return { command, unanswered: () => unanswered };
}

/** The store does not take these attributes: another user has one of them, or one is malformed. Trying again does not help. */
const isRefusal = (error: unknown): error is ConflictException | ValidationException =>
  error instanceof ConflictException || error instanceof ValidationException;

const refusedRemedy =
  'give the directory account a user principal name without spaces, of at most 128 characters, and a mail address, both of which no other user has';

function userNameTaken(userName: string, id: string, mark: Mark, holder: Mark | undefined): TargetConflictError {
  const { Issuer, Id } = accountMark(mark);
  // Never a hand-over here: it would give one person's account to another.
  if (holder) {
    return new TargetConflictError(
      `user "${userName}" (${id}) is the account of another person of the directory (${accountMark(holder).Issuer}, ${holder.guid})`,
      'give each directory account a user principal name of its own',
    );
  }
  return new TargetConflictError(
    `user "${userName}" (${id}) exists at Identity Center and does not carry our mark`,
    `rename or delete that user, or hand it over: set its external id to issuer "${Issuer}", id "${Id}"`,
  );
}
