-- Addresses that are told of events.
CREATE TABLE webhooks (
    id         TEXT COLLATE "C" PRIMARY KEY,
    project    TEXT COLLATE "C" NOT NULL,
    url        TEXT COLLATE "C" NOT NULL,
    -- Kinds of events, as JSON: `["task.completed"]`; `document.*` and `*` are patterns.
    events     TEXT COLLATE "C" NOT NULL,
    -- The number of the last event that was looked at for it.
    seen       BIGINT NOT NULL,
    -- Deliveries given up since the last one that arrived.
    failures   BIGINT NOT NULL,
    -- Why it is told nothing any more.
    disabled   TEXT COLLATE "C",
    created_ms BIGINT NOT NULL
);
CREATE INDEX webhooks_project ON webhooks (project, id);

-- What deliveries are signed with, apart from the rest so that nothing shows it by chance.
CREATE TABLE webhook_secrets (
    webhook TEXT COLLATE "C" PRIMARY KEY,
    secret  TEXT COLLATE "C" NOT NULL
);

-- What is to be told, and the log of what was. A delivery holds its event, which may be gone by then.
CREATE TABLE webhook_deliveries (
    id          TEXT COLLATE "C" PRIMARY KEY,
    webhook     TEXT COLLATE "C" NOT NULL,
    project     TEXT COLLATE "C" NOT NULL,
    -- NULL for a test.
    event       BIGINT,
    at_ms       BIGINT NOT NULL,
    task        TEXT COLLATE "C",
    document    TEXT COLLATE "C",
    kind        TEXT COLLATE "C" NOT NULL,
    data        TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    attempt     BIGINT NOT NULL,
    fence       BIGINT NOT NULL,
    run_at      BIGINT NOT NULL,
    lease_until BIGINT,
    -- How the last attempt went: the HTTP status if there was an answer, its time, what was wrong.
    http_status BIGINT,
    took_ms     BIGINT,
    error       TEXT COLLATE "C",
    created_ms  BIGINT NOT NULL,
    ended_ms    BIGINT
);
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook, event);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, run_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (webhook, lease_until) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_document ON webhook_deliveries (document);

-- The time line of a task.
CREATE INDEX events_task ON events (task, id);
