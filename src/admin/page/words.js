// Numbers and times as a person reads them.

const NBSP = '\u00a0';
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const date = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short' });

/** Parts per billion as a percentage: `50 %`, `33.3 %`, `0.25 %`. */
export function percent(ppb) {
  const value = ppb / 1e7;
  if (value > 0 && value < 0.01) return `<0.01${NBSP}%`;
  const digits = value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))}${NBSP}%`;
}

/** `1 stream`, `2 streams`. */
export function count(number, noun, plural = `${noun}s`) {
  return `${number.toLocaleString()}${NBSP}${number === 1 ? noun : plural}`;
}

/** The time of day; with the day if it was not within the last 18 hours. */
export function time(ms) {
  const at = new Date(ms);
  return Date.now() - ms > 18 * 3600e3 ? `${date.format(at)} ${clock.format(at)}` : clock.format(at);
}

/** How long: `now`, `4 s`, `3 min`, `2 h`. */
export function long(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `<1${NBSP}s`;
  if (seconds < 100) return `${Math.round(seconds)}${NBSP}s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}${NBSP}min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)}${NBSP}h`;
  return `${Math.round(seconds / 86400)}${NBSP}d`;
}

/** Bytes: `812 B`, `3.4 KiB`. */
export function bytes(number) {
  if (number < 1024) return `${number}${NBSP}B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = number;
  let unit = -1;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)}${NBSP}${units[unit]}`;
}
