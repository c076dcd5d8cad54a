/** What raising identity events takes. */
export const putEventsActions = ['events:PutEvents'] as const;
