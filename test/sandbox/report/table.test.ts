import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../sandbox/report/table.ts';

describe('renderTable', () => {
  it('GIVEN cells of different widths WHEN rendered THEN columns line up and no line ends in spaces', () => {
    const lines = renderTable(
      ['name', 'n'],
      [
        ['Zoë', '1'],
        ['a long name', '22'],
      ],
    ).split('\n');
    expect(lines).toEqual(['name         n', '───────────  ──', 'Zoë          1', 'a long name  22']);
  });

  it('GIVEN a cell that is too wide WHEN rendered THEN its text goes on below, whole', () => {
    const text = Array.from({ length: 30 }, (_, index) => `word${index}`).join(' ');
    const lines = renderTable(['text', 'next'], [[text, 'x']])
      .split('\n')
      .slice(2);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map((line) => line.replace(/ +x$/, '').trim()).join(' ')).toBe(text);
    expect(lines.filter((line) => line.endsWith('x'))).toHaveLength(1);
  });

  it('GIVEN a word wider than the terminal WHEN rendered THEN nothing of it is lost', () => {
    const lines = renderTable(['text'], [['x'.repeat(130)]])
      .split('\n')
      .slice(2);
    expect(lines.join('')).toBe('x'.repeat(130));
  });

  it('GIVEN a row with fewer cells than heads WHEN rendered THEN the rest is empty', () => {
    expect(
      renderTable(['a', 'b'], [['1']])
        .split('\n')
        .at(-1),
    ).toBe('1');
  });
});
