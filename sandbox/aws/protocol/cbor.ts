// The part of CBOR (RFC 8949) that Smithy's RPC v2 CBOR protocol uses: the AWS CLI speaks it to CloudWatch.

/** Decodes one data item. Tag 1 (seconds since the epoch) becomes a Date; other tags are ignored. */
export function decodeCbor(bytes: Buffer): unknown {
  let at = 0;
  const breakCode = Symbol('break');

  const argument = (info: number): number => {
    const start = at;
    if (info < 24) return info;
    if (info === 24) at += 1;
    else if (info === 25) at += 2;
    else if (info === 26) at += 4;
    else if (info === 27) at += 8;
    else throw new Error(`cbor: additional information ${info} is not a length`);
    return info === 27 ? Number(bytes.readBigUInt64BE(start)) : bytes.readUIntBE(start, at - start);
  };

  const sequence = (info: number, take: () => boolean): void => {
    if (info === 31) while (take());
    else for (let left = argument(info); left > 0; left -= 1) take();
  };

  const halfFloat = (bits: number): number => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? Number.NaN
            : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return bits & 0x8000 ? -size : size;
  };

  const simple = (info: number): unknown => {
    const start = at;
    if (info === 20 || info === 21) return info === 21;
    if (info === 22 || info === 23) return undefined;
    if (info === 31) return breakCode;
    const number = argument(info);
    return info === 25 ? halfFloat(number) : info === 26 ? bytes.readFloatBE(start) : bytes.readDoubleBE(start);
  };

  const chunks = (info: number): Buffer => {
    if (info !== 31) {
      const length = argument(info);
      at += length;
      return bytes.subarray(at - length, at);
    }
    const parts: Buffer[] = [];
    while (bytes[at] !== 0xff) parts.push(chunks((bytes[at++] ?? 0) & 31));
    at += 1;
    return Buffer.concat(parts);
  };

  const item = (): unknown => {
    if (at >= bytes.length) throw new Error('cbor: the data ends early');
    const head = bytes[at++] ?? 0;
    const info = head & 31;
    switch (head >> 5) {
      case 0:
        return argument(info);
      case 1:
        return -1 - argument(info);
      case 2:
        return chunks(info);
      case 3:
        return chunks(info).toString('utf8');
      case 4: {
        const list: unknown[] = [];
        sequence(info, () => {
          const value = item();
          if (value === breakCode) return false;
          list.push(value);
          return true;
        });
        return list;
      }
      case 5: {
        const map: Record<string, unknown> = {};
        sequence(info, () => {
          const key = item();
          if (key === breakCode) return false;
          map[String(key)] = item();
          return true;
        });
        return map;
      }
      case 6: {
        const tag = argument(info);
        const value = item();
        return tag === 1 && typeof value === 'number' ? new Date(value * 1000) : value;
      }
      default:
        return simple(info);
    }
  };

  return item();
}

/** Encodes strings, numbers, booleans, dates, bytes, lists and objects. Members that are undefined are left out. */
export function encodeCbor(value: unknown): Buffer {
  const head = (major: number, length: number): Buffer => {
    if (length < 24) return Buffer.from([(major << 5) | length]);
    const bytes = Buffer.alloc(9);
    bytes[0] = (major << 5) | 27;
    bytes.writeBigUInt64BE(BigInt(length), 1);
    return bytes;
  };
  const double = (number: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes[0] = 0xfb;
    bytes.writeDoubleBE(number, 1);
    return bytes;
  };
  if (value === null || value === undefined) return Buffer.from([0xf6]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) return double(value);
    return value < 0 ? head(1, -1 - value) : head(0, value);
  }
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Date) return Buffer.concat([head(6, 1), double(value.getTime() / 1000)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Buffer.concat([head(5, members.length), ...members.flatMap(([name, member]) => [encodeCbor(name), encodeCbor(member)])]);
}
