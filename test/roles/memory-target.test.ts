/** The target in memory keeps the contract, with all parts of the port and with none that may be left out. */
import { memoryTargetWorld } from './memory-target.ts';
import { targetContract } from './target-contract.ts';

targetContract('the target in memory', memoryTargetWorld);
targetContract('the target in memory, with the least of the port', () => memoryTargetWorld({ name: 'least', offers: [] }));
