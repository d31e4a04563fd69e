// A colour for each backend of a split: the same today and tomorrow, whatever the others are.

/** How many colours the style sheet has. */
export const COLOURS = 7;

function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

/**
 * The colour of each of these names, of one split. It follows from the name; only where two names would share one the
 * later by name takes the next that is free. With more names than colours some share one, and are striped.
 */
export function colours(names) {
  const taken = new Array(COLOURS).fill(false);
  const found = new Map();
  for (const name of [...new Set(names)].sort()) {
    const wanted = hash(name) % COLOURS;
    let colour = wanted;
    for (let step = 0; step < COLOURS && taken[colour]; step += 1) colour = (wanted + step) % COLOURS;
    found.set(name, { colour, striped: taken[colour] });
    taken[colour] = true;
  }
  return found;
}
