// Warnings, and what changed last.

import { keyed, make, say } from './list.js';
import { count, percent, time } from './words.js';

/** How many warnings are drawn; a longer list is for a program, not for a person. */
const DRAWN = 100;

/** The warnings that hold. */
export class Warnings {
  constructor(list, nothing) {
    this.list = list;
    this.nothing = nothing;
  }

  set(state) {
    const all = [...state.warnings.values()];
    const items = all.slice(0, DRAWN);
    const more = state.warningsTotal - items.length;
    if (more > 0) items.push({ id: 'more', message: `… and ${more.toLocaleString()} more, at /debug/warnings` });
    keyed(this.list, items, ({ id }) => id, () => {
      const [object, place, message, reason] = ['object', 'place', 'message', 'reason'].map((part) => make('span', part));
      const element = make('li', 'warning', make('p', 'head', object, place), make('p', '', message), reason);
      element.parts = { object, place, message, reason };
      return element;
    }, ({ parts }, warning) => {
      say(parts.object, warning.object ?? '');
      say(parts.place, [warning.path, warning.location].filter(Boolean).join(' · '));
      say(parts.message, warning.message);
      say(parts.reason, (warning.reason ?? '').replaceAll('_', ' '));
    });
    this.list.hidden = all.length === 0;
    this.nothing.hidden = all.length > 0 || !state.synced;
  }
}

/** How a new split divides: `: a 50 %, b 50 %`, with the ports if it does not do so alike at all of them. */
function divided(groups) {
  if (groups.length === 0) return ', which does nothing';
  const texts = groups.map(({ ports, shares }) => {
    const parts = shares.map(([backend, share]) => `${backend} ${percent(share)}`).join(', ');
    return groups.length > 1 ? `at ${ports.join(',')} ${parts}` : parts;
  });
  return `: ${texts.join('; ')}`;
}

/** What an entry says, in words. */
export function sentence(entry) {
  const moves = () => entry.moves.map((move) => `${move.backend} ${percent(move.from)} → ${percent(move.to)}`).join(', ');
  switch (entry.what) {
    case 'read': return `Everything was read: ${count(entry.services, 'service')}, ${entry.splits} of them split`;
    case 'service-new': return `${entry.service} is new`;
    case 'service-gone': return `${entry.service} is gone`;
    case 'split-new': return `${entry.service} is split now, by TrafficSplit ${entry.split}${divided(entry.divided ?? [])}`;
    // The TrafficSplit may be there still, for another service.
    case 'split-gone': return `${entry.service} is not split any more, as it was by TrafficSplit ${entry.split}`;
    case 'shares': return `${entry.service}:${entry.ports.join(',')} ${moves()}${entry.edited ? '' : ' (endpoints came or went)'}`;
    case 'endpoints': {
      const parts = [entry.added && `+${entry.added}`, entry.removed && `−${entry.removed}`].filter(Boolean);
      return `${entry.service} endpoints ${parts.join(' ')}, ${entry.ready} ready`;
    }
    case 'warning-new': return `Warning: ${entry.object}: ${entry.message}`;
    case 'warning-gone': return `No longer: ${entry.object}: ${entry.message}`;
    default: return entry.what;
  }
}

const LOOKS = {
  read: ['calm', '•'],
  'service-new': ['good', '+'],
  'service-gone': ['bad', '−'],
  'split-new': ['good', 'Y'],
  'split-gone': ['bad', 'Y'],
  shares: ['move', '⇄'],
  endpoints: ['calm', '±'],
  'warning-new': ['warn', '!'],
  'warning-gone': ['good', '✓'],
};

/** The last changes, the newest first. */
export class Timeline {
  constructor(list, nothing) {
    this.list = list;
    this.nothing = nothing;
    this.last = null;
  }

  set(state) {
    const entries = state.timeline.toReversed();
    const before = this.last;
    this.last = entries[0]?.id ?? 0;
    keyed(this.list, entries, ({ id }) => id, (entry) => draw(entry, before !== null), () => {});
    this.list.hidden = entries.length === 0;
    this.nothing.hidden = entries.length > 0 || !state.synced;
  }
}

/** An entry never changes, so it is drawn once. */
function draw(entry, isNew) {
  const [look, glyph] = LOOKS[entry.what] ?? ['calm', '•'];
  const mark = make('span', 'mark', glyph);
  mark.setAttribute('aria-hidden', 'true');
  const when = make('time', '', time(entry.at));
  when.dateTime = new Date(entry.at).toISOString();
  const text = make('div', 'text');
  if (entry.what === 'shares') {
    text.append(make('p', 'head', `${entry.service}:${entry.ports.join(',')}`));
    for (const move of entry.moves) {
      const from = make('span', 'from', percent(move.from));
      const arrow = make('span', 'arrow', '→');
      arrow.setAttribute('aria-label', 'to');
      text.append(make('p', 'move', make('span', 'backend', move.backend), from, arrow, make('span', 'to', percent(move.to))));
    }
    if (!entry.edited) text.append(make('p', 'small', 'endpoints came or went'));
  } else {
    text.append(make('p', '', sentence(entry)));
  }
  const element = make('li', `entry ${look}${isNew ? ' new' : ''}`, when, mark, text);
  element.dataset.what = entry.what;
  return element;
}
