/** Stands in until the function is here. */
export const handler = async (): Promise<void> => {
  throw new Error('rotate-credential is not built yet: take it from its own branch');
};
