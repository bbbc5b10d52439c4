// What happens in the library, as it happens: over a WebSocket, and where there is none over server-sent events.
// Either resumes after the last event that came; while both are away, the caller polls.

import { EVENTS, SOCKET } from "/assets/api.js";

/** How often to ask while nothing comes by itself. */
const POLL_MS = 3000;
/** WebSockets that never came to life, after which events are taken from a stream instead. */
const TRIES = 2;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

/**
 * Follows the events of the library.
 * `onEvent(event)` for each; `onReturn()` whenever something may have been missed;
 * `onState(isLive)` when the connection comes or goes.
 */
export function follow({ onEvent, onReturn, onState }) {
  let last = null;
  let timer = null;

  const up = () => {
    clearInterval(timer);
    timer = null;
    onState(true);
    onReturn();
  };
  const down = (poll = onReturn) => {
    onState(false);
    timer ??= setInterval(poll, POLL_MS);
  };

  let failures = 0;
  const openSocket = () => {
    const socket = new WebSocket(SOCKET);
    socket.onopen = () => socket.send(JSON.stringify({ action: "subscribe", after: last ?? undefined }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "subscribed") {
        failures = 0;
        last ??= message.last_event;
        up();
      }
      // Updates and answers have no number; the events have.
      if (typeof message.id !== "number") return;
      last = message.id;
      onEvent(message);
    };
    socket.onclose = () => {
      failures += 1;
      down();
      if (failures > TRIES && last === null) openStream();
      else setTimeout(openSocket, Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS));
    };
  };

  const openStream = () => {
    const source = new EventSource(last === null ? EVENTS : `${EVENTS}?after=${last}`);
    source.onopen = up;
    source.onmessage = (message) => {
      last = message.lastEventId || last;
      onEvent(JSON.parse(message.data));
    };
    source.onerror = () =>
      down(() => {
        onReturn();
        // A browser gives a stream up for good when the answer was an error.
        if (source.readyState !== EventSource.CLOSED) return;
        clearInterval(timer);
        timer = null;
        openStream();
      });
  };

  openSocket();
}
