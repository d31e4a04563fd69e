// What the page knows: the whole picture, then each step worked into it.

/** As many entries of the timeline as the server keeps. */
const ENTRIES = 200;

export function empty() {
  return {
    version: 0,
    synced: false,
    server: '',
    /** By `namespace/name`. */
    services: new Map(),
    /** By number. */
    warnings: new Map(),
    warningsTotal: 0,
    /** The oldest first. */
    timeline: [],
    streams: { total: 0, behind: 0, services: new Map(), shown: [] },
  };
}

export const keyOf = (card) => `${card.namespace}/${card.name}`;

/** Works an event into the state; the whole replaces it. */
export function apply(state, name, data) {
  const next = name === 'whole' ? empty() : state;
  next.version = data.version;
  next.synced = data.synced;
  next.server = data.server ?? next.server;
  for (const [namespace, service] of data.services_gone ?? []) next.services.delete(`${namespace}/${service}`);
  for (const card of data.services ?? []) next.services.set(keyOf(card), card);
  for (const id of data.warnings_gone ?? []) next.warnings.delete(id);
  for (const warning of data.warnings ?? []) next.warnings.set(warning.id, warning);
  next.warningsTotal = data.warnings_total;
  const known = next.timeline.at(-1)?.id ?? 0;
  next.timeline.push(...(data.timeline ?? []).filter((entry) => entry.id > known));
  next.timeline.splice(0, next.timeline.length - ENTRIES);
  if (data.streams) {
    next.streams.total = data.streams.total;
    next.streams.behind = data.streams.behind;
    next.streams.shown = data.streams.shown ?? next.streams.shown;
    for (const [service, tally] of Object.entries(data.streams.services)) {
      if (tally) next.streams.services.set(service, tally);
      else next.streams.services.delete(service);
    }
  }
  return next;
}

/** Which warnings are about a service, its splits or its profile: how many, by `namespace/name`. */
export function warned(state) {
  const found = new Map();
  const add = (key) => found.set(key, (found.get(key) ?? 0) + 1);
  const apexOf = new Map();
  for (const [key, card] of state.services) {
    for (const split of card.split ? [card.split.name, ...card.split.others] : []) {
      apexOf.set(`${card.namespace}/${split}`, key);
    }
  }
  for (const { object } of state.warnings.values()) {
    const [kind, name] = (object ?? '').split(' ', 2);
    if (kind === 'Service' && state.services.has(name)) add(name);
    else if (kind === 'TrafficSplit' && apexOf.has(name)) add(apexOf.get(name));
    else if (kind === 'ServiceProfile') {
      const [namespace, host = ''] = name.split('/', 2);
      add(`${namespace}/${host.split('.', 1)[0]}`);
    }
  }
  return found;
}
