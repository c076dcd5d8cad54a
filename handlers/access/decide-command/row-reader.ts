/** Rows of an exported directory table, read as decide-access reads the table itself. */
import { isObjectRow, type MirrorRow, type ObjectRow, type RowKey } from '../../directory/mirror.ts';
import type { PrincipalReader } from '../../directory/principals.ts';

export interface RowReader extends PrincipalReader {
  readonly objects: readonly ObjectRow[];
}

export function rowReader(rows: readonly MirrorRow[]): RowReader {
  const partitions = Map.groupBy(rows, ({ pk }) => pk);
  const sids = Map.groupBy(rows, ({ sid }) => sid);
  const keyOf = ({ pk, sk }: RowKey): RowKey => ({ pk, sk });
  return {
    objects: rows.filter(isObjectRow),
    read: async (keys) => {
      const distinct = new Set(keys.map(({ pk, sk }) => `${pk}\n${sk}`));
      return [...new Set(keys.map(({ pk }) => pk))]
        .flatMap((pk) => partitions.get(pk) ?? [])
        .filter(({ pk, sk }) => distinct.has(`${pk}\n${sk}`));
    },
    readPartition: async (pk) => partitions.get(pk) ?? [],
    listBySid: async (sid) => (sids.get(sid) ?? []).map(keyOf),
  };
}
