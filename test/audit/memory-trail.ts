/** The trail's ports in memory, and a key pair to sign digests with. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { signedText } from '../../handlers/audit/digest.ts';
import type { SignDigest } from '../../handlers/audit/digest-key.ts';
import type { Claim, EventClaims, WrittenSegment } from '../../handlers/audit/event-claims.ts';
import type { Evidence } from '../../handlers/audit/evidence.ts';
import { hourOfKey } from '../../handlers/audit/segment.ts';
import type { Segments } from '../../handlers/audit/segments.ts';

export function memoryClaims(): EventClaims & { readonly written: Map<string, WrittenSegment> } {
  const claims = new Map<string, Claim>();
  const written = new Map<string, WrittenSegment>();
  return {
    written,
    async claim(eventIds, claim, instead) {
      const taken = new Map<string, Claim>();
      for (const id of eventIds) {
        const known = claims.get(id);
        if (known?.segment !== instead.get(id)?.segment) {
          // A claim that was replaced meanwhile is somebody's; one that is gone holds nothing.
          if (known !== undefined) taken.set(id, known);
        }
      }
      if (taken.size === 0) for (const id of eventIds) claims.set(id, claim);
      return taken;
    },
    async noteWritten(segment) {
      written.set(segment.key, segment);
    },
    isWritten: async (key) => written.has(key),
    writtenIn: async (hour) => [...written.values()].filter(({ key }) => hourOfKey(key) === hour),
  };
}

/** Files by their keys, as bucket and as evidence. */
export function memoryTrail(files: Map<string, Buffer> = new Map()): Segments & Evidence & { readonly files: Map<string, Buffer> } {
  return {
    files,
    async write(key, body) {
      const known = files.get(key);
      if (known === undefined) files.set(key, Buffer.from(body));
      return known === undefined || known.equals(Buffer.from(body));
    },
    async void(key) {
      if (files.has(key)) return false;
      files.set(key, Buffer.alloc(0));
      return true;
    },
    read: async (key) => files.get(key),
    async *list(prefix, after = '') {
      for (const key of [...files.keys()].sort()) if (key.startsWith(prefix) && key > after) yield key;
    },
  };
}

export function digestKeys(): { readonly sign: SignDigest; readonly publicKey: ReturnType<typeof generateKeyPairSync>['publicKey'] } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { publicKey, sign: async (digest) => sign('sha256', Buffer.from(signedText(digest)), privateKey) };
}
