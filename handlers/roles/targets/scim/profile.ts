/** What a target is told of a person, as attributes of a SCIM user (RFC 7643 sections 4.1 and 4.3). */
import type { Profile } from '../../../access/grants.ts';
import { isObject, type JsonObject } from './http.ts';

export const schemas = {
  user: 'urn:ietf:params:scim:schemas:core:2.0:User',
  enterpriseUser: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  group: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  patch: 'urn:ietf:params:scim:api:messages:2.0:PatchOp',
} as const;

export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export const patchOf = (Operations: readonly Operation[]): JsonObject => ({ schemas: [schemas.patch], Operations });

const mailsOf = (value: string) => [{ value, type: 'work', primary: true }];
const phonesOf = (value: string) => [{ value, type: 'work' }];
const asIs = (value: string): unknown => value;

/** Path of each attribute in a PATCH (RFC 7644 section 3.5.2), and how its value is written. A list has one value: the account is ours. */
const attributes: { readonly [Name in keyof Required<Profile>]: readonly [path: string, write: (value: string) => unknown] } = {
  userName: ['userName', asIs],
  displayName: ['displayName', asIs],
  givenName: ['name.givenName', asIs],
  familyName: ['name.familyName', asIs],
  email: ['emails', mailsOf],
  title: ['title', asIs],
  phoneNumber: ['phoneNumbers', phonesOf],
  department: [`${schemas.enterpriseUser}:department`, asIs],
  employeeNumber: [`${schemas.enterpriseUser}:employeeNumber`, asIs],
};

export function userOf(externalId: string, profile: Profile): JsonObject {
  const { userName, displayName, givenName, familyName, email, title, phoneNumber, department, employeeNumber } = profile;
  const isEnterprise = department !== undefined || employeeNumber !== undefined;
  return {
    schemas: isEnterprise ? [schemas.user, schemas.enterpriseUser] : [schemas.user],
    externalId,
    userName,
    displayName,
    name: { givenName, familyName },
    active: true,
    ...(email === undefined ? {} : { emails: mailsOf(email) }),
    ...(title === undefined ? {} : { title }),
    ...(phoneNumber === undefined ? {} : { phoneNumbers: phonesOf(phoneNumber) }),
    ...(isEnterprise
      ? {
          [schemas.enterpriseUser]: {
            ...(department === undefined ? {} : { department }),
            ...(employeeNumber === undefined ? {} : { employeeNumber }),
          },
        }
      : {}),
  };
}

/** One operation a changed attribute. */
export function profileOperations(before: Profile, after: Profile): readonly Operation[] {
  return Object.entries(attributes).flatMap(([name, [path, write]]): Operation[] => {
    const [old, now] = [before[name as keyof Profile], after[name as keyof Profile]];
    if (old === now) return [];
    return [now === undefined ? { op: 'remove', path } : { op: 'replace', path, value: write(now) }];
  });
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** The primary value of a list, or its first. */
function primaryOf(list: unknown): string | undefined {
  const values = Array.isArray(list) ? list.filter(isObject) : [];
  return text((values.find(({ primary }) => primary === true) ?? values[0])?.value);
}

export function profileOf(user: JsonObject): Profile {
  const name = isObject(user.name) ? user.name : {};
  const enterprise = user[schemas.enterpriseUser];
  const { department, employeeNumber } = isObject(enterprise) ? enterprise : {};
  const optional = {
    email: primaryOf(user.emails),
    title: text(user.title),
    phoneNumber: primaryOf(user.phoneNumbers),
    department: text(department),
    employeeNumber: text(employeeNumber),
  };
  return {
    userName: text(user.userName) ?? '',
    displayName: text(user.displayName) ?? '',
    givenName: text(name.givenName) ?? '',
    familyName: text(name.familyName) ?? '',
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** Some servers write it as text. One that does not tell has no inactive users (RFC 7643 section 4.1.1 leaves the meaning to it). */
export const isActive = (user: JsonObject): boolean => String(user.active ?? true).toLowerCase() !== 'false';
