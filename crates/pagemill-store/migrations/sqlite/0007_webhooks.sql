-- Addresses that are told of events.
CREATE TABLE webhooks (
    id         TEXT PRIMARY KEY,
    project    TEXT NOT NULL,
    url        TEXT NOT NULL,
    -- Kinds of events, as JSON: `["task.completed"]`; `document.*` and `*` are patterns.
    events     TEXT NOT NULL,
    -- The number of the last event that was looked at for it.
    seen       INTEGER NOT NULL,
    -- Deliveries given up since the last one that arrived.
    failures   INTEGER NOT NULL,
    -- Why it is told nothing any more.
    disabled   TEXT,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_project ON webhooks (project, id);

-- What deliveries are signed with, apart from the rest so that nothing shows it by chance.
CREATE TABLE webhook_secrets (
    webhook TEXT PRIMARY KEY,
    secret  TEXT NOT NULL
) STRICT;

-- What is to be told, and the log of what was. A delivery holds its event, which may be gone by then.
CREATE TABLE webhook_deliveries (
    id          TEXT PRIMARY KEY,
    webhook     TEXT NOT NULL,
    project     TEXT NOT NULL,
    -- NULL for a test.
    event       INTEGER,
    at_ms       INTEGER NOT NULL,
    task        TEXT,
    document    TEXT,
    kind        TEXT NOT NULL,
    data        TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    lease_until INTEGER,
    -- How the last attempt went: the HTTP status if there was an answer, its time, what was wrong.
    http_status INTEGER,
    took_ms     INTEGER,
    error       TEXT,
    created_ms  INTEGER NOT NULL,
    ended_ms    INTEGER
) STRICT;
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook, event);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, run_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (webhook, lease_until) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_document ON webhook_deliveries (document);

-- The time line of a task.
CREATE INDEX events_task ON events (task, id);
