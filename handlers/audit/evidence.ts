/** The trail as readers see it: records and digests by their keys, in the bucket or in files that were exported from it. */
export interface Evidence {
  /** Keys that start with the prefix, in their order, those after `after` only. */
  list(prefix: string, after?: string): AsyncIterable<string>;
  /** @returns undefined when there is nothing of that name */
  read(key: string): Promise<Buffer | undefined>;
}
