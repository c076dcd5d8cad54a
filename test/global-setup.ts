/** Before all tests: the handler zips, because the constructs and the sandbox use the real ones. */
import { bundleAll } from '../handlers/bundle.ts';

export default async function setup(): Promise<void> {
  await bundleAll();
}
