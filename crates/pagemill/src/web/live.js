// What happens in the library, as it happens. The browser reconnects by itself and
// resumes after the last event it saw; while the stream is away, the caller polls.

import { EVENTS } from "/assets/api.js";

/** How often to ask while there is no stream, and when to try for a new one. */
const POLL_MS = 3000;

/**
 * Follows the events of the library.
 * `onEvent(event)` for each; `onReturn()` whenever something may have been missed;
 * `onState(isLive)` when the stream comes or goes.
 */
export function follow({ onEvent, onReturn, onState }) {
  let source = null;
  let last = null;
  let timer = null;

  const open = () => {
    source = new EventSource(last === null ? EVENTS : `${EVENTS}?after=${last}`);
    source.onopen = () => {
      clearInterval(timer);
      timer = null;
      onState(true);
      onReturn();
    };
    source.onmessage = (message) => {
      last = message.lastEventId || last;
      onEvent(JSON.parse(message.data));
    };
    source.onerror = () => {
      onState(false);
      timer ??= setInterval(poll, POLL_MS);
    };
  };
  const poll = () => {
    onReturn();
    // A browser gives a stream up for good when the answer was an error.
    if (source.readyState === EventSource.CLOSED) open();
  };
  open();
}
