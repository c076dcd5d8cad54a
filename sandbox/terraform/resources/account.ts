/** Data sources about where the stack runs. */
import type { ResourceTypes } from './resource.ts';

export const accountData: ResourceTypes = {
  aws_caller_identity: {
    apply: (_config, { account, partition }) => ({ id: account, account_id: account, arn: `arn:${partition}:iam::${account}:root` }),
  },
  aws_region: { apply: (_config, { region }) => ({ id: region, name: region }) },
  aws_partition: { apply: (_config, { partition }) => ({ id: partition, partition, dns_suffix: 'amazonaws.com' }) },
};
