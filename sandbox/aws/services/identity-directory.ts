import { randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import { type Attributes, type group, uniqueKeys, type user } from './identity-attributes.ts';

/** A user or group as stored: `attributes` are the members of the API, e.g. UserName. */
export interface Entry {
  readonly id: string;
  attributes: Attributes;
  readonly createdAt: Date;
  readonly createdBy: string;
  updatedAt: Date;
  updatedBy: string;
}

export const conflict = (message: string): AwsError =>
  new AwsError('ConflictException', message, 400, { Reason: 'UNIQUENESS_CONSTRAINT_VIOLATION' });

export const notFound = (type: 'USER' | 'GROUP' | 'GROUP_MEMBERSHIP' | 'IDENTITY_STORE', id: string): AwsError =>
  new AwsError('ResourceNotFoundException', `${type} not found.`, 400, { ResourceType: type, ResourceId: id });

/** The users, or the groups, of one store, with what must be unique among them. */
export class Entries {
  private readonly type: 'USER' | 'GROUP';
  private readonly kind: typeof user | typeof group;
  private readonly prefix: string;
  private readonly entries = new Map<string, Entry>();
  private readonly byKey = new Map<string, string>();

  constructor(type: 'USER' | 'GROUP', kind: typeof user | typeof group, identityStoreId: string) {
    this.type = type;
    this.kind = kind;
    this.prefix = idPrefix(identityStoreId);
  }

  all(): Entry[] {
    return [...this.entries.values()];
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  get(id: string): Entry {
    const entry = this.entries.get(id);
    if (!entry) throw notFound(this.type, id);
    return entry;
  }

  find(key: string): Entry | undefined {
    const id = this.byKey.get(key);
    return id === undefined ? undefined : this.entries.get(id);
  }

  add(attributes: Attributes, by: string): Entry {
    const now = new Date();
    const entry: Entry = { id: `${this.prefix}${randomUUID()}`, attributes, createdAt: now, createdBy: by, updatedAt: now, updatedBy: by };
    this.claim(entry.id, attributes);
    this.entries.set(entry.id, entry);
    return entry;
  }

  update(entry: Entry, attributes: Attributes, by: string): void {
    const before = uniqueKeys(this.kind, entry.attributes);
    this.claim(entry.id, attributes);
    const after = new Set(uniqueKeys(this.kind, attributes));
    for (const key of before) if (!after.has(key)) this.byKey.delete(key);
    entry.attributes = attributes;
    entry.updatedAt = new Date();
    entry.updatedBy = by;
  }

  remove(id: string): void {
    const entry = this.get(id);
    for (const key of uniqueKeys(this.kind, entry.attributes)) this.byKey.delete(key);
    this.entries.delete(id);
  }

  private claim(id: string, attributes: Attributes): void {
    const keys = uniqueKeys(this.kind, attributes);
    const taken = keys.find((key) => (this.byKey.get(key) ?? id) !== id);
    if (taken !== undefined) throw conflict(`Duplicate ${(JSON.parse(taken) as string[])[0]}`);
    for (const key of keys) this.byKey.set(key, id);
  }
}

/** Ids begin with the store's own ten characters: `d-1234567890` → `1234567890-`. */
export const idPrefix = (identityStoreId: string): string => (identityStoreId.startsWith('d-') ? `${identityStoreId.slice(2)}-` : '');
