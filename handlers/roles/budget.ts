/**
 * One budget of calls that all functions of a target together respect: so many a second of each API, and so many requests that are under way
 * there at a time. The port; `dynamodb-budget.ts` keeps it in the roles table.
 */
export interface Budget {
  /**
   * Waits for a slot and makes the call in it. Slots of one API are evenly spaced over all functions; one that passed unused, because the
   * process stood still, is given up and another one taken.
   *
   * @param api whose quota the call counts against: `identitystore:CreateUser`
   * @throws what the call throws
   */
  call<T>(api: string, make: () => Promise<T>): Promise<T>;
  /**
   * Takes one of the places for requests that are under way, for at most `seconds`.
   *
   * @returns what gives it back, or undefined while all are taken: try again later
   */
  place(kind: string, request: string, seconds: number): Promise<(() => Promise<void>) | undefined>;
}
