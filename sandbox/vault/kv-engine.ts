/**
 * A KV version 2 engine in memory, as "KV Secrets Engine - Version 2 (API)" documents it, and OpenBao's `builtin/logical/kv` does it where
 * that is silent. Values live in memory alone and reach no log.
 */
import { badRequest, VaultError } from './vault-error.ts';

export interface KvConfig {
  /** 0: ten. */
  readonly maxVersions?: number;
  readonly casRequired?: boolean;
  /** Seconds until a new version deletes itself; 0: never. */
  readonly deleteVersionAfter?: number;
}

export type Fields = Readonly<Record<string, unknown>>;

interface Version {
  readonly createdAt: Date;
  deletedAt: Date | undefined;
  destroyed: boolean;
  data: string;
}

interface Key {
  current: number;
  maxVersions: number;
  casRequired: boolean;
  customMetadata: Readonly<Record<string, string>> | null;
  readonly createdAt: Date;
  updatedAt: Date;
  readonly versions: Map<number, Version>;
}

export interface KvAnswer {
  readonly status: number;
  readonly data?: Fields;
}

const usualVersions = 10;
const [mostKeys, longestKey, longestValue] = [64, 128, 512];
const done: KvAnswer = { status: 204 };
const notFound: KvAnswer = { status: 404 };
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

export class KvEngine {
  readonly #config: KvConfig;
  readonly #now: () => Date;
  readonly #keys = new Map<string, Key>();

  constructor(config: KvConfig, now: () => Date) {
    this.#config = config;
    this.#now = now;
  }

  exists(path: string): boolean {
    return this.#keys.has(path);
  }

  /** Of a version that is deleted or destroyed there are the metadata, with 404. */
  read(path: string, version: number): KvAnswer {
    const key = this.#keys.get(path);
    const number = version > 0 ? version : (key?.current ?? 0);
    const found = key?.versions.get(number);
    if (!key || !found) return notFound;
    const metadata = this.#versionMetadata(key, number, found);
    return this.#isGone(found)
      ? { status: 404, data: { data: null, metadata } }
      : { status: 200, data: { data: JSON.parse(found.data), metadata } };
  }

  write(path: string, { data, options }: Fields): KvAnswer {
    if (!isObject(data)) throw badRequest('no data provided');
    const now = this.#now();
    const key = this.#keys.get(path) ?? this.#newKey(now);
    if (isObject(options) && options.cas !== undefined) {
      if (!Number.isInteger(Number(options.cas))) throw badRequest('error parsing check-and-set parameter');
      if (Number(options.cas) !== key.current) throw badRequest('check-and-set parameter did not match the current version');
    } else if (this.#config.casRequired || key.casRequired) throw badRequest('check-and-set parameter required for this call');
    this.#keys.set(path, key);
    key.current += 1;
    key.updatedAt = now;
    const lasts = this.#config.deleteVersionAfter ?? 0;
    const deletedAt = lasts > 0 ? new Date(now.getTime() + lasts * 1000) : undefined;
    const version: Version = { createdAt: now, deletedAt, destroyed: false, data: JSON.stringify(data) };
    key.versions.set(key.current, version);
    const most = key.maxVersions || this.#config.maxVersions || usualVersions;
    for (const number of [...key.versions.keys()]) if (number <= key.current - most) key.versions.delete(number);
    return { status: 200, data: this.#versionMetadata(key, key.current, version) };
  }

  /** A soft delete. @param versions undefined: the latest */
  delete(path: string, versions: readonly number[] | undefined): KvAnswer {
    const key = this.#keys.get(path);
    for (const number of versions ?? [key?.current ?? 0]) {
      const version = key?.versions.get(number);
      if (version && !version.destroyed) version.deletedAt ??= this.#now();
    }
    return done;
  }

  destroy(path: string, versions: readonly number[]): KvAnswer {
    const key = this.#keys.get(path);
    if (!key) return notFound;
    for (const number of versions) {
      const version = key.versions.get(number);
      if (version) Object.assign(version, { destroyed: true, data: '' });
    }
    return done;
  }

  metadata(path: string): KvAnswer {
    const key = this.#keys.get(path);
    if (!key) return notFound;
    const versions = [...key.versions].map(([number, version]) => {
      const { created_time, deletion_time, destroyed } = this.#versionMetadata(key, number, version);
      return [String(number), { created_time, deletion_time, destroyed }];
    });
    return {
      status: 200,
      data: {
        cas_required: key.casRequired,
        created_time: key.createdAt.toISOString(),
        current_version: key.current,
        custom_metadata: key.customMetadata,
        delete_version_after: '0s',
        max_versions: key.maxVersions,
        oldest_version: Math.min(...key.versions.keys(), key.current),
        updated_time: key.updatedAt.toISOString(),
        versions: Object.fromEntries(versions),
      },
    };
  }

  writeMetadata(path: string, input: Fields): KvAnswer {
    const custom = input.custom_metadata;
    if (custom !== undefined) checkCustomMetadata(custom);
    for (const name of Object.keys(input))
      if (!['max_versions', 'cas_required', 'custom_metadata'].includes(name))
        throw new VaultError(501, `the sandbox does not implement ${name} of a secret's metadata; add it to sandbox/vault/kv-engine.ts`);
    const key = this.#keys.get(path) ?? this.#newKey(this.#now());
    this.#keys.set(path, key);
    if (typeof input.max_versions === 'number') key.maxVersions = input.max_versions;
    if (typeof input.cas_required === 'boolean') key.casRequired = input.cas_required;
    if (custom !== undefined) key.customMetadata = custom as Readonly<Record<string, string>>;
    return done;
  }

  deleteMetadata(path: string): KvAnswer {
    this.#keys.delete(path);
    return done;
  }

  /** Every value that is kept anywhere, for tests that look for one that must not be. */
  values(): readonly string[] {
    return [...this.#keys.values()].flatMap((key) => [...key.versions.values()].map(({ data }) => data));
  }

  #newKey(now: Date): Key {
    const settings = { current: 0, maxVersions: 0, casRequired: false, customMetadata: null };
    return { ...settings, createdAt: now, updatedAt: now, versions: new Map() };
  }

  #isGone({ deletedAt, destroyed }: Version): boolean {
    return destroyed || (deletedAt !== undefined && deletedAt <= this.#now());
  }

  #versionMetadata(key: Key, version: number, { createdAt, deletedAt, destroyed }: Version): Fields {
    return {
      created_time: createdAt.toISOString(),
      custom_metadata: key.customMetadata,
      deletion_time: deletedAt?.toISOString() ?? '',
      destroyed,
      version,
    };
  }
}

function checkCustomMetadata(custom: unknown): void {
  const failed = (text: string): VaultError => badRequest(`custom_metadata validation failed: ${text}`);
  if (!isObject(custom)) throw failed('it is no map');
  const entries = Object.entries(custom);
  if (entries.length > mostKeys) throw failed(`payload must contain at most ${mostKeys} keys, provided ${entries.length}`);
  for (const [key, value] of entries) {
    const [keyLength, valueLength] = [Buffer.byteLength(key), Buffer.byteLength(String(value))];
    if (keyLength === 0 || keyLength > longestKey)
      throw failed(`length of key "${key}" is ${keyLength} but must be 0 < len(key) <= ${longestKey}`);
    if (valueLength === 0 || valueLength > longestValue)
      throw failed(`length of value for key "${key}" is ${valueLength} but must be 0 < len(value) <= ${longestValue}`);
    if (/\p{C}/u.test(key)) throw failed(`key "${key}" contains unprintable characters`);
    if (/\p{C}/u.test(String(value))) throw failed(`value for key "${key}" contains unprintable characters`);
  }
}
