/** A profile as attributes of an identity store's user, and back. Department and employee number are none of them. */
import type { User } from '@aws-sdk/client-identitystore';
import type { Profile, ProfileAttribute } from '../../../access/grants.ts';

/** What of a profile the identity store keeps. */
export const identityCenterAttributes = [
  'userName',
  'displayName',
  'givenName',
  'familyName',
  'email',
  'title',
  'phoneNumber',
] as const satisfies readonly ProfileAttribute[];
type Attribute = (typeof identityCenterAttributes)[number];

/** The one mail address or phone number that the store takes of a user. */
const sole = (value: string) => [{ Value: value, Type: 'work', Primary: true }];

export function userAttributes({ userName, displayName, givenName, familyName, email, title, phoneNumber }: Profile) {
  return {
    UserName: userName,
    DisplayName: displayName,
    Name: { GivenName: givenName, FamilyName: familyName },
    ...(email === undefined ? {} : { Emails: sole(email) }),
    ...(title === undefined ? {} : { Title: title }),
    ...(phoneNumber === undefined ? {} : { PhoneNumbers: sole(phoneNumber) }),
  };
}

export interface AttributeOperation {
  readonly AttributePath: string;
  readonly AttributeValue?: unknown;
}

/** Path of each attribute in UpdateUser, and the value that stands there. */
const operations: Readonly<Record<Attribute, readonly [path: string, value: (text: string) => unknown]>> = {
  userName: ['userName', String],
  displayName: ['displayName', String],
  givenName: ['name.givenName', String],
  familyName: ['name.familyName', String],
  email: ['emails', sole],
  title: ['title', String],
  phoneNumber: ['phoneNumbers', sole],
};

/** One operation a changed attribute; an operation without a value removes the attribute. */
export function attributeOperations(before: Profile, after: Profile): readonly AttributeOperation[] {
  return identityCenterAttributes.flatMap((name) => {
    const [now, [AttributePath, written]] = [after[name], operations[name]];
    if (before[name] === now) return [];
    return [{ AttributePath, ...(now === undefined ? {} : { AttributeValue: written(now) }) }];
  });
}

export function profileOf(user: Pick<User, 'UserName' | 'DisplayName' | 'Name' | 'Emails' | 'Title' | 'PhoneNumbers'>): Profile {
  const [email, title, phoneNumber] = [user.Emails?.[0]?.Value, user.Title, user.PhoneNumbers?.[0]?.Value];
  return {
    userName: user.UserName ?? '',
    displayName: user.DisplayName ?? '',
    givenName: user.Name?.GivenName ?? '',
    familyName: user.Name?.FamilyName ?? '',
    ...(email === undefined ? {} : { email }),
    ...(title === undefined ? {} : { title }),
    ...(phoneNumber === undefined ? {} : { phoneNumber }),
  };
}
