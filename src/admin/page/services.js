// The tree of services: which rows there are, what is open, and what keys do. How a row looks is in rows.js.

import { colours } from './colours.js';
import { ask } from './feed.js';
import { List, say } from './list.js';
import { kinds } from './rows.js';
import { keyOf, warned } from './state.js';
import { count } from './words.js';

/** How many lists of endpoints are asked for at once, and how long one that came is good for at least. */
const ASKED_AT_ONCE = 3;
const GOOD_FOR = 800;

const narrow = matchMedia('(max-width: 640px)');

/** The height of a note in pixels: rows have theirs before they are drawn, so its lines are counted by characters. */
function noteHeight(text) {
  return 14 + 20 * Math.ceil(text.length / (narrow.matches ? 40 : 80));
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
    if (card.note) line('note', 'note', { text: card.note, height: noteHeight(card.note) });
    if (!card.split) {
      this.endpointsOf(rows, key, key, 2);
      return;
    }
    (card.split.instead ?? []).forEach((sent, index) => {
      const text = `${sent}; others get what follows`;
      line('note', `instead ${index}`, { text, height: noteHeight(text) });
    });
    if (card.split.idle) line('note', 'idle', { text: card.split.idle, height: noteHeight(card.split.idle) });
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
