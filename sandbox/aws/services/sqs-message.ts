import { createHash } from 'node:crypto';
import { isRecord, optionalBytes, optionalText, text } from '../input.ts';

export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: Buffer;
}

export const md5 = (data: string | Buffer): string => createHash('md5').update(data).digest('hex');

/** Reads `MessageAttributes`, e.g. `{ trace: { DataType: 'String', StringValue: '…' } }`. */
export function readAttributes(value: unknown): Record<string, MessageAttribute> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, attribute]) => {
      const members = isRecord(attribute) ? attribute : {};
      const string = optionalText(members, 'StringValue');
      const binary = optionalBytes(members, 'BinaryValue');
      return [
        name,
        {
          DataType: text(members, 'DataType'),
          ...(string === undefined ? {} : { StringValue: string }),
          ...(binary ? { BinaryValue: binary } : {}),
        },
      ];
    }),
  );
}

const lengthPrefixed = (data: string | Buffer): Buffer => {
  const bytes = Buffer.from(data as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** MD5OfMessageAttributes (SQS Developer Guide, "Calculating the MD5 message digest for message attributes"). */
export function attributesMd5(attributes: Readonly<Record<string, MessageAttribute>>): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const parts = names.flatMap((name) => {
    const attribute = attributes[name];
    const binary = attribute?.BinaryValue !== undefined;
    return [
      lengthPrefixed(name),
      lengthPrefixed(attribute?.DataType ?? ''),
      Buffer.from([binary ? 2 : 1]),
      lengthPrefixed(attribute?.BinaryValue ?? attribute?.StringValue ?? ''),
    ];
  });
  return md5(Buffer.concat(parts));
}

/** What counts towards a message's size: the body and each attribute's name, type and value. */
export const messageSize = (body: string, attributes: Readonly<Record<string, MessageAttribute>>): number =>
  Object.entries(attributes).reduce(
    (size, [name, attribute]) =>
      size +
      Buffer.byteLength(name) +
      Buffer.byteLength(attribute.DataType) +
      (attribute.BinaryValue?.length ?? Buffer.byteLength(attribute.StringValue ?? '')),
    Buffer.byteLength(body),
  );
