/** What is captured of a directory: the same settings for the plan and for the function. */
import { expect, test } from 'vitest';
import { parseCaptureSettings } from '../../handlers/directory/capture-settings.ts';
import type { CaptureProps } from '../../modules/index.ts';
import { existing, synthesize } from './integration.ts';

const variable = (capture: CaptureProps): string =>
  synthesize({ directories: [{ existing, capture }] }).lambda('ad-lambda-test-detect-changes-corp').environment.variables.CAPTURE;

test('GIVEN capture settings WHEN synthesized THEN detect-changes reads them as they were written', () => {
  const capture: CaptureProps = {
    mode: 'object-security',
    attributes: ['title', 'department'],
    scope: { include: { organizationalUnits: ['OU=People,DC=corp,DC=example,DC=com'] }, exclude: { filter: '(employeeType=test)' } },
    verifyEveryHours: 6,
    guard: { most: 50, share: 0.05 },
  };
  expect(parseCaptureSettings(variable(capture))).toEqual({ ...capture, attributes: ['department', 'title'] });
});

test('GIVEN the same settings in another order WHEN synthesized THEN the plan is the same', () => {
  const one = variable({ attributes: ['title', 'department'], mode: 'object-security' });
  expect(variable({ mode: 'object-security', attributes: ['department', 'title'] })).toBe(one);
  expect(variable({ mode: 'replication', attributes: [] })).toBe('{}');
});

test('GIVEN organizational units in another spelling, or the whole domain WHEN synthesized THEN they lie in the directory', () => {
  const organizationalUnits = ['ou=People, dc=CORP, dc=Example, dc=com', 'DC=corp,DC=example,DC=com'];
  expect(parseCaptureSettings(variable({ scope: { include: { organizationalUnits } } })).scope.include?.organizationalUnits).toHaveLength(
    2,
  );
});
