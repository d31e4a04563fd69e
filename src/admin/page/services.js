// The tree of services: a service with its bars, below it the backends of its split, below each its endpoints.

import { colours } from './colours.js';
import { ask } from './feed.js';
import { List, make, say } from './list.js';
import { keyOf, warned } from './state.js';
import { count, long, percent } from './words.js';

const STATES = {
  serving: '',
  weightless: 'weight 0',
  empty: 'no endpoint is ready; the others get its share',
  'no-port': 'lacks the port; the others get its share',
  unsuitable: 'has no endpoints of its own; the others get its share',
  missing: 'there is no such Service; the others get its share',
};

/** How many lists of endpoints are asked for at once, and how long one that came is good for at least. */
const ASKED_AT_ONCE = 3;
const GOOD_FOR = 800;

const narrow = matchMedia('(max-width: 640px)');

/** A dot that says how many of how many are ready; what it says in colour it says in words too. */
function health(ready, total) {
  if (total === 0) return 'none';
  if (ready === 0) return 'down';
  return ready < total ? 'some' : 'all';
}

export class Services {
  constructor(scroller, { nothing, filter, which }) {
    this.scroller = scroller;
    this.nothing = nothing;
    this.filter = filter;
    this.state = null;
    this.skew = 0;
    /** Keys that are open, and services with a split that are closed. */
    this.open = new Set();
    this.closed = new Set();
    /** Endpoints by service: { revision, at, list, total, error }. */
    this.endpoints = new Map();
    this.asking = new Set();
    this.list = new List(scroller, kinds, { role: 'treeitem' });
    const again = () => this.show();
    filter.addEventListener('input', again);
    which.addEventListener('change', again);
    narrow.addEventListener('change', again);
    this.which = () => which.querySelector(':checked').value;
    scroller.addEventListener('keydown', (event) => this.key(event));
    scroller.addEventListener('click', (event) => this.click(event));
    scroller.addEventListener('focus', () => {
      if (this.list.active === null) this.list.activate(0);
    });
  }

  /** Shows a state, with how much later this clock is than the server's. */
  set(state, skew) {
    this.state = state;
    this.skew = skew;
    this.show();
  }

  show() {
    if (!this.state) return;
    const { rows, shown } = this.rows();
    this.list.show(rows);
    const all = this.state.services.size;
    this.nothing.hidden = shown > 0;
    if (shown === 0) {
      const none = this.state.synced ? 'There are no services.' : 'The server has not read everything yet.';
      say(this.nothing, all > 0 ? `None of ${count(all, 'service')} fits the filter.` : none);
    }
    this.askForWhatIsOpen();
  }

  fits(card, tally, warnings) {
    const which = this.which();
    if (which === 'split' && !card.split) return false;
    if (which === 'behind' && !tally?.behind) return false;
    if (which === 'warned' && !warnings) return false;
    const wanted = this.filter.value.trim().toLowerCase();
    if (!wanted) return true;
    const backends = card.split?.ports.flatMap((group) => group.parts.map((part) => part.service)) ?? [];
    const texts = [keyOf(card), ...backends, ...card.ports.map(([port, name]) => `${port} ${name}`)];
    return wanted.split(/\s+/).every((word) => texts.some((text) => text.toLowerCase().includes(word)));
  }

  rows() {
    const { services, streams } = this.state;
    const warnings = warned(this.state);
    const cards = [...services.values()]
      .map((card) => ({ card, key: keyOf(card) }))
      .filter(({ card, key }) => this.fits(card, streams.services.get(key), warnings.get(key)))
      .sort((a, b) => !a.card.split - !b.card.split || (a.key < b.key ? -1 : 1));
    const rows = [];
    cards.forEach(({ card, key }, index) => {
      const start = rows.length;
      const groups = card.split?.ports ?? [];
      const open = card.split ? !this.closed.has(key) : this.open.has(key);
      const names = groups.flatMap((group) => group.parts.map((part) => part.service));
      rows.push({
        key, kind: 'service', level: 1, card, groups, open, colours: colours(names), service: key,
        tally: streams.services.get(key), warnings: warnings.get(key) ?? 0, skew: this.skew,
        height: 50 + groups.length * 22 + (groups.length ? 6 : 0), place: index + 1, size: cards.length,
      });
      if (open) this.inside(rows, rows[start]);
      rows[start].first = true;
      rows.at(-1).last = true;
      rows.at(-1).gap = 10;
      rows.at(-1).height += 10;
    });
    return { rows, shown: cards.length };
  }

  /** What is below a service that is open. */
  inside(rows, { card, key, groups, colours: colourOf }) {
    const line = (kind, name, more) => rows.push({ key: `${key}|${name}`, kind, level: 2, ...more });
    if (card.note) line('note', 'note', { text: card.note, height: 34 });
    if (!card.split) {
      this.endpointsOf(rows, key, key, 2);
      return;
    }
    if (card.split.idle) line('note', 'idle', { text: card.split.idle, height: 34 });
    // An apex that is its own backend is among them already.
    const isBackend = groups.some((group) => group.parts.some((part) => part.service === card.name));
    const places = groups.reduce((sum, group) => sum + group.parts.length, 0) + (isBackend ? 0 : 1);
    let place = 0;
    groups.forEach((group, index) => {
      if (groups.length > 1) line('heading', `heading ${index}`, { ports: group.ports, height: 30 });
      for (const part of group.parts) {
        const service = `${card.namespace}/${part.service}`;
        const own = `${key}|${index}|${part.service}`;
        const known = this.state.services.has(service);
        const open = known && this.open.has(own);
        place += 1;
        rows.push({
          key: own, kind: 'backend', level: 2, part, open, known, service, look: colourOf.get(part.service),
          height: narrow.matches ? 50 : 38, place, size: places, ports: group.ports,
        });
        if (open) this.endpointsOf(rows, own, service, 3);
      }
    });
    if (isBackend) return;
    const own = `${key}|own`;
    const open = this.open.has(own);
    rows.push({
      key: own, kind: 'backend', level: 2, own: card, idle: card.split.idle !== null, open, known: true,
      service: key, height: narrow.matches ? 50 : 38, place: places, size: places,
    });
    if (open) this.endpointsOf(rows, own, key, 3);
  }

  endpointsOf(rows, parent, service, level) {
    const known = this.endpoints.get(service);
    const note = (text) => {
      rows.push({ key: `${parent}|text`, kind: 'note', level, text, height: 34, place: 1, size: 1 });
    };
    if (!known || (!known.list && !known.error)) return note('Looking for its endpoints …');
    if (known.error) return note(known.error);
    if (known.list.length === 0) return note('It has no endpoints.');
    for (const [index, endpoint] of known.list.entries()) {
      rows.push({
        key: `${parent}|${endpoint.address}`, kind: 'endpoint', level, endpoint, place: index + 1,
        size: known.total, height: narrow.matches ? 52 : 32,
      });
    }
    if (known.total > known.list.length) {
      const more = known.total - known.list.length;
      rows.push({ key: `${parent}|more`, kind: 'note', level, text: `… and ${more} more`, height: 34 });
    }
  }

  /** Asks for the endpoints of services that are open, if they are others than are known. */
  askForWhatIsOpen() {
    const wanted = new Set();
    for (const row of this.list.rows) {
      if (row.open && (row.kind === 'backend' || !row.card?.split)) wanted.add(row.service);
    }
    for (const service of this.endpoints.keys()) if (!wanted.has(service)) this.endpoints.delete(service);
    for (const service of wanted) {
      const card = this.state.services.get(service);
      const known = this.endpoints.get(service);
      if (!card || this.asking.has(service) || this.asking.size >= ASKED_AT_ONCE) continue;
      if (known && known.revision === card.revision) continue;
      if (known && Date.now() - known.at < GOOD_FOR) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.askForWhatIsOpen(), GOOD_FOR);
        continue;
      }
      this.ask(service, card);
    }
  }

  async ask(service, card) {
    this.asking.add(service);
    let found;
    try {
      const query = new URLSearchParams({ namespace: card.namespace, name: card.name });
      const response = await ask(`api/endpoints?${query}`);
      if (response.ok) {
        const { revision, endpoints, total } = await response.json();
        found = { revision, list: endpoints, total };
      } else {
        found = { revision: card.revision, error: (await response.text()).trim() };
      }
    } catch {
      // It is asked for again when there is something new, or the feed is back.
      const known = this.endpoints.get(service);
      found = { ...known, revision: -1, error: known?.list ? undefined : 'The server does not answer.' };
    }
    this.asking.delete(service);
    this.endpoints.set(service, { ...found, at: Date.now() });
    this.show();
  }

  /** Opens or closes a row, if it has anything below it. */
  toggle(row, open = !row.open) {
    if (row.kind === 'service' && row.card.split) {
      if (open) this.closed.delete(row.key);
      else this.closed.add(row.key);
    } else if (row.kind === 'service' || (row.kind === 'backend' && row.known)) {
      if (open) this.open.add(row.key);
      else this.open.delete(row.key);
    }
    this.show();
  }

  click(event) {
    const element = event.target.closest('.row');
    if (!element || String(getSelection())) return;
    const index = this.list.indexOf(element.key);
    this.list.activate(index);
    this.toggle(this.list.rows[index]);
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { rows } = this.list;
    const now = this.list.indexOf(this.list.active);
    const row = rows[now];
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / 60));
    const to = (index) => this.list.activate(Math.min(rows.length - 1, Math.max(0, index)));
    const steps = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: rows.length - 1 };
    if (event.key in steps) to(steps[event.key]);
    else if (!row) return;
    else if (event.key === 'Enter' || event.key === ' ') this.toggle(row);
    else if (event.key === 'ArrowRight') {
      if (row.open === false) this.toggle(row, true);
      else if (row.open && rows[now + 1]?.level > row.level) to(now + 1);
    } else if (event.key === 'ArrowLeft') {
      if (row.open) this.toggle(row, false);
      else to(rows.findLastIndex((other, index) => index < now && other.level < row.level));
    } else return;
    event.preventDefault();
  }
}

function item(element, row) {
  element.setAttribute('aria-level', row.level);
  if (row.open === undefined || row.known === false) element.removeAttribute('aria-expanded');
  else element.setAttribute('aria-expanded', row.open);
  element.classList.toggle('first', !!row.first);
  element.classList.toggle('last', !!row.last);
  element.dataset.level = row.level;
}

const portsOf = (card) => card.ports.map(([port]) => `:${port}`).join(' ');

const kinds = {
  service: {
    create() {
      const part = (name) => make('span', name);
      const [name, space, ports, warnings, behind, streams, ready] =
        ['name', 'space', 'ports', 'pill warned', 'pill late', 'fact streams', 'fact ready'].map(part);
      const line = make('div', 'line', make('span', 'chevron'), name, space, ports, make('span', 'fill'), warnings, behind, streams, ready);
      const element = make('div', '', line);
      element.parts = { name, space, ports, warnings, behind, streams, ready };
      element.bars = [];
      return element;
    },
    update(element, row) {
      item(element, row);
      const { card, groups, tally, warnings } = row;
      const p = element.parts;
      say(p.name, card.name);
      say(p.space, card.namespace);
      say(p.ports, portsOf(card));
      say(p.warnings, warnings ? count(warnings, 'warning') : '');
      const age = tally?.since ? Date.now() - row.skew - tally.since : 0;
      say(p.behind, tally?.behind ? `${tally.behind.toLocaleString()} behind, ${long(age)}` : '');
      say(p.streams, tally?.streams ? count(tally.streams, 'stream') : '');
      say(p.ready, `${card.ready}/${card.total}`);
      p.ready.dataset.health = health(card.ready, card.total);
      p.ready.title = `${card.ready} of ${card.total} endpoints are given out`;
      while (element.bars.length > groups.length) element.bars.pop().remove();
      groups.forEach((group, index) => {
        element.bars[index] ??= bar(element);
        fill(element.bars[index], group, row.colours, groups.length > 1);
      });
      const shares = groups.flatMap(({ ports, parts }) =>
        [`port ${ports.join(' and ')}:`, ...parts.map((part) => `${part.service} ${percent(part.share)},`)]);
      const words = [
        `${card.name} in ${card.namespace},`, card.split ? 'split,' : '', ...shares,
        `${card.ready} of ${card.total} endpoints ready`, tally ? `, ${count(tally.streams, 'stream')}` : '',
        tally?.behind ? `, ${tally.behind} behind` : '', warnings ? `, ${count(warnings, 'warning')}` : '',
      ];
      element.setAttribute('aria-label', words.filter(Boolean).join(' '));
    },
  },
  heading: {
    create: () => make('div'),
    update(element, row) {
      item(element, row);
      say(element, `Port ${row.ports.join(', ')}`);
    },
  },
  note: {
    create: () => make('div'),
    update(element, row) {
      item(element, row);
      say(element, row.text);
      element.title = row.text;
    },
  },
  backend: {
    create() {
      const [swatch, name, weight, why, ready, share] =
        ['swatch', 'name', 'fact weight', 'why', 'fact ready', 'number'].map((part) => make('span', part));
      const element = make('div', '', make('span', 'chevron'), swatch, name, weight, why, make('span', 'fill'), ready, share);
      element.parts = { swatch, name, weight, why, ready, share };
      return element;
    },
    update(element, row) {
      item(element, row);
      const p = element.parts;
      const of = row.part ?? row.own;
      element.classList.toggle('own', !!row.own);
      if (row.own) {
        p.swatch.className = 'swatch hollow';
        say(p.name, 'its own endpoints');
        say(p.weight, '');
        say(p.why, row.idle ? 'serve all of the traffic' : 'no share of the split');
        say(p.share, '');
      } else {
        p.swatch.className = `swatch c${row.look.colour}${row.look.striped ? ' striped' : ''}`;
        say(p.name, of.service);
        say(p.weight, `weight ${of.weight}`);
        say(p.why, STATES[of.state]);
        const share = percent(of.share);
        if (p.share.textContent && p.share.textContent !== share) {
          p.share.classList.remove('moved');
          requestAnimationFrame(() => p.share.classList.add('moved'));
        }
        say(p.share, share);
      }
      element.dataset.state = row.part?.state ?? '';
      say(p.ready, row.known ? `${of.ready}/${of.total}` : '');
      p.ready.dataset.health = health(of.ready, of.total);
      p.ready.title = `${of.ready} of ${of.total} endpoints are given out`;
      const name = row.own ? 'its own endpoints' : `backend ${of.service}, ${percent(of.share)}, weight ${of.weight}`;
      element.setAttribute('aria-label', `${name}, ${of.ready} of ${of.total} ready ${row.part ? STATES[of.state] : ''}`);
    },
  },
  endpoint: {
    create() {
      const [address, target, place, state] = ['address', 'target', 'place', 'state'].map((part) => make('span', part));
      const element = make('div', '', make('span', 'dot'), address, target, place, state);
      element.parts = { address, target, place, state };
      return element;
    },
    update(element, row) {
      item(element, row);
      const { endpoint } = row;
      const p = element.parts;
      const host = endpoint.address.includes(':') ? `[${endpoint.address}]` : endpoint.address;
      const [port, ...others] = endpoint.ports;
      const address = port === undefined ? host : `${host}:${port}${others.map((other) => `,${other}`).join('')}`;
      const place = [endpoint.node, endpoint.zone].filter(Boolean).join(' · ');
      const words = { ready: endpoint.meshed ? 'ready, meshed' : 'ready', 'not-ready': 'not ready', 'left-out': 'left out' };
      const state = endpoint.why ? `left out: ${endpoint.why}` : words[endpoint.state];
      element.dataset.state = endpoint.state;
      say(p.address, address);
      say(p.target, endpoint.target ?? '');
      say(p.place, place);
      say(p.state, state);
      element.title = [address, endpoint.target, endpoint.owner, place, state].filter(Boolean).join('\n');
      element.setAttribute('aria-label', [address, endpoint.target, state, place].filter(Boolean).join(', '));
    },
  },
};

function bar(element) {
  const port = make('span', 'port');
  const track = make('div', 'track');
  const whole = make('div', 'bar', port, track);
  whole.setAttribute('aria-hidden', 'true');
  whole.pieces = new Map();
  Object.assign(whole, { port, track });
  element.append(whole);
  return whole;
}

/** Gives each backend its part of a bar. A part that is new grows from nothing, one that goes shrinks to it. */
function fill(whole, group, looks, named) {
  say(whole.port, named ? `:${group.ports.join(' :')}` : '');
  whole.port.hidden = !named;
  whole.dataset.served = group.parts.some((part) => part.share > 0);
  const gone = new Set(whole.pieces.keys());
  const end = group.parts.findLast((part) => part.share > 0);
  for (const part of group.parts) {
    gone.delete(part.service);
    let piece = whole.pieces.get(part.service);
    const look = looks.get(part.service);
    const name = `piece c${look.colour}${look.striped ? ' striped' : ''}`;
    if (!piece) {
      piece = make('div', name);
      piece.style.width = '0%';
      whole.pieces.set(part.service, piece);
      // The width it has now is where it grows from.
      requestAnimationFrame(() => { piece.style.width = piece.dataset.width; });
    } else {
      piece.style.width = `${part.share / 1e7}%`;
    }
    whole.track.append(piece);
    // A gap is between two parts, not after the last that is seen.
    piece.className = part === end || part.share === 0 ? `${name} end` : name;
    piece.dataset.width = `${part.share / 1e7}%`;
    piece.dataset.backend = part.service;
    piece.dataset.share = part.share;
    piece.title = `${part.service} ${percent(part.share)}`;
  }
  for (const service of gone) {
    whole.pieces.get(service).remove();
    whole.pieces.delete(service);
  }
}
