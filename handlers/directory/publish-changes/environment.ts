/** What publish-changes needs. IDENTITY_BUS: name of the event bus. DEAD_LETTER_QUEUE_URL: where a record goes that no run can read. */
export const publishChangesEnvironment = ['IDENTITY_BUS', 'DEAD_LETTER_QUEUE_URL'] as const;
