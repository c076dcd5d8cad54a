/** Findings for code hosts: SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format Version 2.1.0"). */
import { createHash } from 'node:crypto';
import type { Finding } from '../reviewed.ts';
import { rules } from '../rules.ts';

const page = 'docs/plan-review.md';

/** @param plan path of the plan, which code hosts show as the place of a finding */
export function sarifOf(findings: readonly Finding[], plan: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'active-directory-lambda review',
            rules: rules.map(({ id, severity, title, why, remedy }) => ({
              id,
              shortDescription: { text: title },
              fullDescription: { text: `${title}: ${why}` },
              help: { text: `${remedy}. See ${page}.` },
              defaultConfiguration: { level: severity },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map(({ rule, severity, address, detail }) => ({
          ruleId: rule,
          ruleIndex: rules.findIndex(({ id }) => id === rule),
          level: severity,
          message: { text: `${address}: ${detail}` },
          locations: [
            {
              physicalLocation: { artifactLocation: { uri: uriOf(plan) }, region: { startLine: 1 } },
              logicalLocations: [{ fullyQualifiedName: address, kind: 'resource' }],
            },
          ],
          // The same finding of the next plan is the same, whatever else the plan holds.
          partialFingerprints: {
            'finding/v1': createHash('sha256')
              .update(JSON.stringify([rule, address, detail]))
              .digest('hex'),
          },
        })),
      },
    ],
  };
}

/** A relative reference (RFC 3986 section 4.2), or a file URI of an absolute path. */
const uriOf = (path: string): string => {
  const parts = path.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
  return path.startsWith('/') ? `file://${parts}` : parts;
};
