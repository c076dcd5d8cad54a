/** `timeline`: the way of one change. */
import { plain } from '../../platform/plain-text.ts';
import { shortId } from '../answers/record-text.ts';
import { type Hop, type Look, type MissingHop, type Timeline, timelineOfEvent, timelinesOfUser } from '../answers/timeline.ts';
import type { Action } from './action.ts';
import { answer } from './answer.ts';
import { exitCodes } from './exit-codes.ts';
import type { Options } from './options.ts';
import { facts, table } from './terminal-text.ts';

export const timelineAction: Action = {
  takes: ['event', 'user', 'since', 'evidence'],
  needs: [['event', 'user']],
  run: (options, surroundings) =>
    answer(options, surroundings, async (records) => {
      const { event, user, since } = options;
      const found = event === undefined ? await timelinesOfUser(records, user ?? '', since) : [await timelineOfEvent(records, event)];
      const isThrough = found.every(
        ({ hops, missing }) => missing.every(({ expected }) => !expected) && hops.every(({ failed }) => !failed),
      );
      return {
        text: (width) => found.map((one) => timelineText(one, options, width)).join('\n\n'),
        json: {
          timelines: found.map((one) => ({ ...one, missing: one.missing.map((hop) => ({ ...hop, look: lookText(hop.look, options) })) })),
        },
        exitCode: isThrough ? exitCodes.done : exitCodes.notSo,
      };
    }),
};

function timelineText({ hops, missing, totalMs }: Timeline, options: Options, width: number): string {
  const rows = hops.map(({ hop, at, tookMs, what, event, failed }) => ({
    cells: [at, tookMs === undefined ? '' : duration(tookMs), hop, `${failed ? 'NOT DONE: ' : ''}${what} [${shortId(event)}]`],
  }));
  const open = missing.flatMap(({ hop, target, what, look }) => [
    facts(
      [
        [`${hop}${target === undefined ? '' : ` ${target}`}`, what],
        ['look', lookText(look, options)],
      ],
      width,
    ),
  ]);
  return [picture(hops, missing), table(['AT', 'TOOK', 'HOP', 'WHAT'], rows, width), `all in all ${duration(totalMs)}\n`, ...open].join(
    '\n',
  );
}

/** One line for each target, the same on all up to there. */
function picture(hops: readonly Hop[], missing: readonly MissingHop[]): string {
  const first = (wanted: Hop['hop']) => hops.find(({ hop }) => hop === wanted);
  const [event, decision] = [first('event'), first('decision')];
  const before = [
    hops[0]?.hop ?? '',
    ...[event, decision].filter((one) => one !== undefined && one !== hops[0]).map((one) => arrow(one as Hop)),
  ].join('');
  const targets = Map.groupBy(
    hops.filter((one) => one.hop === 'target' && one !== hops[0]),
    ({ target = 'target' }) => target,
  );
  const lines = [...targets].map(([target, own]) => {
    const slowest = own.reduce((one, other) => ((other.tookMs ?? 0) > (one.tookMs ?? 0) ? other : one));
    return `${arrow({ ...slowest, hop: plain(target) })}${recorded(slowest)}`;
  });
  for (const { hop, target, expected } of missing)
    if (expected || decision === undefined) lines.push(` ── ? ──▶ ${plain(target ?? hop)}${expected ? ': not done' : ''}`);
  if (lines.length === 0) lines.push(recorded(decision ?? event ?? hops[0]));
  return lines.map((line, index) => `${index === 0 ? before : ' '.repeat(before.length)}${line}\n`).join('');
}

const recorded = (hop: Hop | undefined): string => (hop === undefined ? '' : arrow({ hop: 'audit', tookMs: hop.recordedMs }));

const arrow = ({ hop, tookMs }: { readonly hop: string; readonly tookMs?: number | undefined }): string =>
  ` ─${tookMs === undefined ? '' : ` ${duration(tookMs)} `}─▶ ${hop}`;

function duration(ms: number): string {
  if (ms < 0) return `${ms} ms`;
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function lookText(look: Look, { environment, prefix, files }: Options): string {
  if ('text' in look) return look.text;
  const deployment = files === undefined ? `${prefix}-${environment}` : '<prefix>-<environment>';
  if ('guard' in look)
    return `npm run guard -- show ${look.guard}${files === undefined ? ` --environment ${environment} --prefix ${prefix}` : ''}`;
  const name = `${deployment}-${look.function}`;
  const fifo = look.function.startsWith('sync-roles-') ? '.fifo' : '';
  return `queue ${name}${fifo}, dead letters ${name}-dead-letters${fifo}, log /aws/lambda/${name}`;
}
