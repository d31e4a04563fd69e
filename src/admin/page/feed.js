// The live feed: server-sent events read with fetch, which can send a token in a header.
//
// What the caller hears: `event(name, data)` for each event, `alive()` for whatever comes after it, a keep-alive too, and
// `state(what)` with one of { state: 'connecting' | 'live' | 'lost' | 'refused', ... }. It is live from the first event
// on. A feed that is silent is lost, for a server that hangs closes nothing; one that is lost is tried again, at first
// soon and then less often.

/** How long nothing may be heard: two of the server's keep-alives, which come every 5 s, and some more for the way. */
const SILENCE = 12e3;
const FIRST_PAUSE = 500;
const LAST_PAUSE = 15e3;
const KEY = 'switchyard-token';

let token = null;
try {
  token = sessionStorage.getItem(KEY);
} catch {
  // Then it is asked for again.
}

/** Sets the token that is sent from now on. */
export function setToken(text) {
  token = text;
  try {
    sessionStorage.setItem(KEY, text);
  } catch {
    // As above.
  }
}

/** Asks the server for something that it shows only to those who may see it. */
export function ask(path, signal) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return fetch(path, { headers, signal, cache: 'no-store', credentials: 'same-origin', redirect: 'error' });
}

/** Calls `event` for each event in a response, until it ends. */
async function read(response, event, alive) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let seen = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    text += value;
    for (let end = text.indexOf('\n\n', seen); end >= 0; end = text.indexOf('\n\n')) {
      let name = 'message';
      let data = '';
      for (const line of text.slice(0, end).split('\n')) {
        if (line.startsWith('event: ')) name = line.slice(7);
        else if (line.startsWith('data: ')) data += line.slice(6);
      }
      text = text.slice(end + 2);
      seen = 0;
      if (data) event(name, JSON.parse(data));
    }
    // A large event comes in many pieces; what was searched is not searched again.
    seen = Math.max(0, text.length - 1);
  }
}

/** Follows the feed for as long as the page lives. `retry()` of the result tries again at once. */
export function follow({ event, alive, state }) {
  let wake = () => {};
  let pause = FIRST_PAUSE;

  async function once() {
    const abort = new AbortController();
    let timer = 0;
    let isSilent = false;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        isSilent = true;
        abort.abort();
      }, SILENCE);
    };
    wait();
    try {
      const response = await ask('api/live', abort.signal);
      if (response.status === 401 || response.status === 403) {
        return { state: 'refused', status: response.status, had: token !== null, why: await response.text() };
      }
      if (!response.ok) return { state: 'lost', why: (await response.text()).trim() };
      const served = Date.parse(response.headers.get('date') ?? '');
      const skew = Number.isNaN(served) ? 0 : Date.now() - served;
      state({ state: 'connecting', isIn: true });
      let isLive = false;
      await read(response, (name, data) => {
        pause = FIRST_PAUSE;
        event(name, data);
        if (!isLive) state({ state: 'live', skew });
        isLive = true;
      }, () => {
        wait();
        // Before its first event a new feed says nothing of what is seen.
        if (isLive) alive();
      });
      return { state: 'lost', why: 'the server ended the feed' };
    } catch {
      const why = isSilent ? `nothing was heard of the server for ${SILENCE / 1000} s` : 'the server does not answer';
      return { state: 'lost', why };
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  (async () => {
    for (;;) {
      state({ state: 'connecting' });
      const ended = await once();
      const next = ended.state === 'refused' ? null : pause * (0.8 + 0.4 * Math.random());
      state({ ...ended, again: next === null ? null : Date.now() + next });
      await new Promise((resolve) => {
        wake = resolve;
        if (next !== null) setTimeout(resolve, next);
      });
      pause = Math.min(pause * 2, LAST_PAUSE);
    }
  })();

  return {
    retry() {
      pause = FIRST_PAUSE;
      wake();
    },
  };
}
