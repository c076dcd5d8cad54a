/** What publish-changes needs. IDENTITY_BUS: name of the event bus. */
export const publishChangesEnvironment = ['IDENTITY_BUS'] as const;
