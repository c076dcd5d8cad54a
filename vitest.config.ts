import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/**
 * Files that get a process each. The others start no program and change nothing of their process: two processes run them all, and load
 * cdktf, the provider and the AWS clients once.
 */
const alone = [
  // Domain controllers, sandboxes, Terraform, npm.
  'test/**/*.samba.test.ts',
  'test/directory/scope.test.ts',
  'test/credentials/{secrets-nowhere,vault-rotation}.test.ts',
  'test/sandbox/*.test.ts',
  'test/sandbox/{domain-controller,runtime}/*.test.ts',
  'test/examples/*.test.ts',
  'test/plan-review/real-plan.test.ts',
  'test/*.test.ts',
  // Measures the memory of its process.
  'test/access/large-fan-out.test.ts',
];

const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    // Two cores: suites that start a domain controller or Terraform would starve each other if all ran at once.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: ['default', ['json', { outputFile: 'dist/test-report.json' }]],
    projects: [
      { test: { name: 'alone', include: alone, ...timeouts } },
      { test: { name: 'sharing', include: ['test/**/*.test.ts'], exclude: alone, isolate: false, ...timeouts } },
    ],
  },
});
