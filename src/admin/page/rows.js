// How the rows of the tree look: a service with its bars, a backend of its split, an endpoint.

import { make, say } from './list.js';
import { count, long, percent } from './words.js';

const STATES = {
  serving: '',
  weightless: 'weight 0',
  empty: 'no endpoint is ready; the others get its share',
  'no-port': 'lacks the port; the others get its share',
  unsuitable: 'has no endpoints of its own; the others get its share',
  missing: 'there is no such Service; the others get its share',
};

/** A dot that says how many of how many are ready; what it says in colour it says in words too. */
function health(ready, total) {
  if (total === 0) return 'none';
  if (ready === 0) return 'down';
  return ready < total ? 'some' : 'all';
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

/** The kinds of rows, as a list wants them. */
export const kinds = {
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
