// The page: what comes over the feed is worked into the state, and each part shows it, once a frame at most.

import { Timeline, Warnings, sentence } from './changes.js';
import { follow, setToken } from './feed.js';
import { say } from './list.js';
import { Services } from './services.js';
import { apply, empty } from './state.js';
import { Streams } from './streams.js';
import { themed } from './theme.js';
import { count, time } from './words.js';

const $ = (id) => document.getElementById(id);

/** Clocks that differ by less than this are taken for the same: the server's is told in whole seconds. */
const SAME_CLOCK = 3000;
/** How often something is read out at most. */
const SPOKEN_EVERY = 3000;

const services = new Services($('tree'), {
  nothing: $('nothing'), filter: $('filter'), which: document.querySelector('.chips'),
});
const warnings = new Warnings($('warning-list'), document.querySelector('#warnings .empty'));
const timeline = new Timeline($('timeline-list'), document.querySelector('#timeline .empty'));
const streams = new Streams($('stream-list'), {
  nothing: document.querySelector('#streams .empty'), note: $('streams-note'),
});
themed($('theme'));

let state = empty();
let skew = 0;
/** Until when the server was heard, and with it what is seen was true; 0 before the first event. */
let heard = 0;
let queued = false;
let spoken = { id: null, at: 0 };

function show() {
  queued = false;
  services.set(state, skew);
  warnings.set(state);
  timeline.set(state);
  streams.set(state, skew);
  figures();
  speak();
}

function figures() {
  const splits = [...state.services.values()].filter((card) => card.split).length;
  const set = (id, number) => {
    say($(id), number.toLocaleString());
    const parent = $(id).parentElement;
    if (parent.dataset.alarm !== undefined) parent.dataset.alarm = number > 0 ? 1 : 0;
  };
  set('n-services', state.services.size);
  set('n-splits', splits);
  set('n-streams', state.streams.total);
  set('n-behind', state.streams.behind);
  set('n-warnings', state.warningsTotal);
  for (const [view, number] of [['warnings', state.warningsTotal], ['streams', state.streams.behind]]) {
    document.querySelector(`nav [data-view=${view}]`).dataset.count = number > 0 ? number.toLocaleString() : '';
  }
}

/** Reads the newest change out to whoever listens; a storm of them is not read. */
function speak() {
  const newest = state.timeline.at(-1);
  if (!newest || newest.id === spoken.id) return;
  if (spoken.id !== null && Date.now() - spoken.at > SPOKEN_EVERY) {
    say($('announce'), sentence(newest));
    spoken.at = Date.now();
  }
  spoken.id = newest.id;
}

/** Shows how the feed is: live, or since when what is seen is old. */
let countdown = 0;
function lamp(now) {
  clearInterval(countdown);
  const isOld = heard > 0 && now.state !== 'live';
  document.body.classList.toggle('old', isOld);
  $('stale').hidden = now.state === 'live' || now.state === 'refused' || (now.state === 'connecting' && !isOld);
  const texts = { connecting: 'Connecting', live: 'Live', lost: 'Not connected', refused: 'Not let in' };
  if (now.state === 'connecting' && isOld) return;
  $('live').dataset.state = now.state;
  if ($('live-text').textContent !== texts[now.state]) {
    say($('live-text'), texts[now.state]);
    if (now.state !== 'connecting') say($('announce'), texts[now.state]);
  }
  if (now.state !== 'lost') return;
  const tell = () => {
    const seconds = Math.max(0, Math.ceil((now.again - Date.now()) / 1000));
    const old = heard > 0 ? `What you see is from ${time(heard)}. ` : '';
    const soon = seconds > 0 ? `Trying again in ${count(seconds, 'second')}.` : 'Trying again.';
    say($('stale-text'), `Not connected: ${now.why}. ${old}${soon}`);
  };
  tell();
  countdown = setInterval(tell, 500);
}

const door = $('door');
function refused({ status, had, why }) {
  const isKey = status === 401;
  say($('door-title'), isKey ? (had ? 'This is not the token' : 'This server wants a token') : 'This server shows itself to others only');
  // What the server says of a token is for who writes the request by hand.
  const file = 'the token in the file that the server was started with (--admin-token-file)';
  say($('door-why'), isKey ? (had ? `The token that was sent was refused. It must be ${file}.` : `Put in ${file}.`) : why.trim());
  if (!door.open) door.showModal();
  $('token').value = '';
  $('token').focus();
}

const feed = follow({
  event(name, data) {
    state = apply(state, name, data);
    heard = Date.now();
    if (!queued) {
      queued = true;
      // A page in the background draws nothing, so it need not wait for a frame that does not come.
      if (document.hidden) setTimeout(show, 200);
      else requestAnimationFrame(show);
    }
  },
  alive() {
    heard = Date.now();
  },
  state(now) {
    if (now.state === 'live') skew = Math.abs(now.skew) < SAME_CLOCK ? 0 : now.skew;
    if (now.isIn && door.open) door.close();
    lamp(now);
    if (now.state === 'refused') refused(now);
  },
});

$('retry').addEventListener('click', () => feed.retry());
addEventListener('online', () => feed.retry());
$('door-form').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken($('token').value.trim());
  $('token').value = '';
  feed.retry();
});
// Nothing is behind the door.
door.addEventListener('cancel', (event) => event.preventDefault());

function view(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll('nav button')) {
    if (button.dataset.view === name) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}
document.querySelector('nav').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button) view(button.dataset.view);
});

addEventListener('keydown', (event) => {
  const typing = event.target.matches?.('input[type=search], input[type=password]');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !door.open) {
    event.preventDefault();
    view('services');
    $('filter').focus();
    $('filter').select();
  } else if (event.target === $('filter') && ['Escape', 'ArrowDown', 'Enter'].includes(event.key)) {
    if (event.key === 'Escape' && $('filter').value) {
      $('filter').value = '';
      services.show();
    } else {
      $('tree').focus();
    }
    event.preventDefault();
  }
});

// Ages go on while nothing happens.
setInterval(() => {
  if (state.streams.behind > 0 && !queued && !document.hidden) show();
}, 1000);
