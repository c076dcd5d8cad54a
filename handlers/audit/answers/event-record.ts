/** A record whose event's type, and so the shape of its change, is known. */
import type { ChangeOf, IdentityEventType } from '../../events/catalogue.ts';
import type { ChainedRecord, Unmapped } from '../audit-record.ts';

export type EventRecord<Type extends IdentityEventType> = Type extends IdentityEventType
  ? Omit<ChainedRecord, 'unmapped'> & {
      readonly unmapped: Omit<ChainedRecord['unmapped'], 'type' | 'change'> & { readonly type: Type; readonly change: ChangeOf<Type> };
    }
  : never;

/** Whether a record is of one of these types. */
export function isOf<Type extends IdentityEventType>(
  record: { readonly unmapped: Pick<Unmapped, 'type'> },
  ...types: readonly Type[]
): record is EventRecord<Type> {
  return (types as readonly string[]).includes(record.unmapped.type);
}
