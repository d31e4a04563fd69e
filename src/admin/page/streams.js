// Open streams one by one, those that are behind first: who it is, what it was last told, what it lacks.

import { List, make, say } from './list.js';
import { bytes, count, long, percent } from './words.js';

const HEIGHT = 76;

export class Streams {
  constructor(scroller, { nothing, note }) {
    this.scroller = scroller;
    this.nothing = nothing;
    this.note = note;
    this.list = new List(scroller, { stream: { create, update } }, { role: 'listitem' });
  }

  set(state, skew) {
    const { shown, total } = state.streams;
    const now = Date.now() - skew;
    this.list.show(shown.map((stream) => ({
      key: stream.id, kind: 'stream', height: HEIGHT, stream, now, place: undefined,
    })));
    this.scroller.hidden = total === 0;
    this.nothing.hidden = total > 0 || !state.synced;
    say(this.note, total > shown.length ? `${shown.length} of ${total.toLocaleString()}, those that are furthest behind` : '');
  }
}

function create() {
  const [who, authority, state, told] = ['who', 'authority', 'state', 'told'].map((part) => make('span', part));
  const dot = make('span', 'dot');
  const element = make('div', '', dot, who, state, authority, told);
  element.parts = { who, authority, state, told };
  return element;
}

function update(element, { stream, now }) {
  const p = element.parts;
  const behind = stream.behind_since !== undefined;
  const said = [stream.namespace, stream.pod].filter(Boolean).join('/');
  say(p.who, said || stream.client || 'unknown client');
  const missed = stream.versions_behind ? `${count(stream.versions_behind, 'version')} and ` : '';
  say(p.state, behind ? `${missed}${long(now - stream.behind_since)} behind` : 'up to date');
  say(p.authority, stream.authority);
  const shares = Object.entries(stream.shares ?? {})
    .map(([backend, share]) => `${backend.split('.', 1)[0]} ${percent(share * 1e9)}`);
  const first = stream.version === undefined ? 'told nothing yet' : `version ${stream.version}`;
  const endpoints = stream.endpoints === undefined ? '' : count(stream.endpoints, 'endpoint');
  say(p.told, [stream.rpc, stream.reading, endpoints, ...shares].filter(Boolean).join(' · '));
  element.dataset.state = behind ? 'behind' : 'current';
  const more = [
    said, stream.client, stream.node && `node ${stream.node}`, stream.authority, `${stream.rpc} ${stream.reading ?? ''}`,
    first, ...shares, `open for ${long(now - stream.opened)}`,
    `${count(stream.messages, 'message')}, ${bytes(stream.bytes)}`, p.state.textContent,
  ];
  element.title = more.filter(Boolean).join('\n');
}
