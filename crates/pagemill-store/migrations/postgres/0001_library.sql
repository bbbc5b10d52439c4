-- Text is ordered by its bytes, as in SQLite, whatever the server's language.

-- Facts that hold for the whole library: the embedding model, the boot its leases belong to.
CREATE TABLE facts (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- Numbers given out in commit order: the row stays locked until its transaction ends.
CREATE TABLE counters (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('events', 0), ('changes', 0);

CREATE TABLE documents (
    id           TEXT COLLATE "C" PRIMARY KEY,
    project      TEXT COLLATE "C" NOT NULL,
    sha256       TEXT COLLATE "C" NOT NULL,
    file         TEXT COLLATE "C" NOT NULL,
    bytes        BIGINT NOT NULL,
    info         TEXT COLLATE "C" NOT NULL,
    outline      TEXT COLLATE "C" NOT NULL,
    live_version BIGINT,
    created_ms   BIGINT NOT NULL
);
CREATE UNIQUE INDEX documents_content ON documents (project, sha256);
CREATE INDEX documents_sha256 ON documents (sha256);

-- Blobs that no document needs any more, until the file itself is gone.
-- `removing_until_ms` is set while a process removes the file.
CREATE TABLE blob_removals (
    sha256            TEXT COLLATE "C" PRIMARY KEY,
    removing_until_ms BIGINT
);

CREATE TABLE tasks (
    id               TEXT COLLATE "C" PRIMARY KEY,
    document         TEXT COLLATE "C" NOT NULL,
    project          TEXT COLLATE "C" NOT NULL,
    recipe           TEXT COLLATE "C" NOT NULL,
    version          BIGINT NOT NULL,
    status           TEXT COLLATE "C" NOT NULL,
    priority         BIGINT NOT NULL,
    -- Place in the fair order: see queue/policy.rs.
    turn             BIGINT NOT NULL,
    stage            TEXT COLLATE "C" NOT NULL,
    units_done       BIGINT NOT NULL,
    units_total      BIGINT NOT NULL,
    pages_total      BIGINT NOT NULL,
    pages_done       BIGINT NOT NULL,
    pages_unread     BIGINT NOT NULL,
    chunks           BIGINT NOT NULL,
    reused           BIGINT NOT NULL,
    error            TEXT COLLATE "C",
    waiting          TEXT COLLATE "C",
    created_ms       BIGINT NOT NULL,
    started_ms       BIGINT,
    stage_started_ms BIGINT,
    finished_ms      BIGINT,
    timings          TEXT COLLATE "C" NOT NULL
);
CREATE INDEX tasks_document ON tasks (document, id);
CREATE INDEX tasks_project ON tasks (project, id);

-- A finished job has no row; its checkpoint tells that it was done.
CREATE TABLE jobs (
    id           TEXT COLLATE "C" PRIMARY KEY,
    task         TEXT COLLATE "C" NOT NULL,
    document     TEXT COLLATE "C" NOT NULL,
    project      TEXT COLLATE "C" NOT NULL,
    queue        TEXT COLLATE "C" NOT NULL,
    stage        TEXT COLLATE "C" NOT NULL,
    unit         BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    recipe       TEXT COLLATE "C" NOT NULL,
    priority     BIGINT NOT NULL,
    turn         BIGINT NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    run_at       BIGINT NOT NULL,
    attempt      BIGINT NOT NULL,
    crashes      BIGINT NOT NULL,
    fence        BIGINT NOT NULL,
    worker       TEXT COLLATE "C",
    lease_until  BIGINT,
    error        TEXT COLLATE "C"
);
CREATE UNIQUE INDEX jobs_work ON jobs (task, stage, unit);
CREATE INDEX jobs_ready ON jobs (queue, priority, turn, id) WHERE state = 'ready';
CREATE INDEX jobs_due ON jobs (queue, run_at) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'leased';
CREATE INDEX jobs_turn ON jobs (turn) WHERE state <> 'dead';
CREATE INDEX jobs_project_turn ON jobs (project, turn) WHERE state <> 'dead';
CREATE INDEX jobs_document ON jobs (document);

-- Unit -1 says that the whole stage is done.
CREATE TABLE checkpoints (
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    stage    TEXT COLLATE "C" NOT NULL,
    unit     BIGINT NOT NULL,
    task     TEXT COLLATE "C" NOT NULL,
    at_ms    BIGINT NOT NULL,
    PRIMARY KEY (document, version, stage, unit)
);

CREATE TABLE pages (
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    number   BIGINT NOT NULL,
    label    TEXT COLLATE "C",
    width    DOUBLE PRECISION NOT NULL,
    height   DOUBLE PRECISION NOT NULL,
    source   TEXT COLLATE "C" NOT NULL,
    reason   TEXT COLLATE "C",
    PRIMARY KEY (document, version, number)
);

CREATE TABLE blocks (
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    page     BIGINT NOT NULL,
    ordinal  BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    level    BIGINT,
    text     TEXT COLLATE "C" NOT NULL,
    x0       DOUBLE PRECISION NOT NULL,
    y0       DOUBLE PRECISION NOT NULL,
    x1       DOUBLE PRECISION NOT NULL,
    y1       DOUBLE PRECISION NOT NULL,
    cells    TEXT COLLATE "C",
    words    BYTEA NOT NULL,
    PRIMARY KEY (document, version, page, ordinal)
);

-- What reading warned of, by version.
CREATE TABLE warnings (
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    warnings TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (document, version)
);

CREATE TABLE chunks (
    id           TEXT COLLATE "C" PRIMARY KEY,
    document     TEXT COLLATE "C" NOT NULL,
    version      BIGINT NOT NULL,
    ordinal      BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    text         TEXT COLLATE "C" NOT NULL,
    heading_path TEXT COLLATE "C" NOT NULL,
    pieces       TEXT COLLATE "C" NOT NULL,
    tokens       BIGINT NOT NULL
);
CREATE UNIQUE INDEX chunks_place ON chunks (document, version, ordinal);

-- Vectors by the hash of the embedded text: each text is embedded once in a library.
CREATE TABLE vectors (
    model  TEXT COLLATE "C" NOT NULL,
    hash   TEXT COLLATE "C" NOT NULL,
    vector BYTEA NOT NULL,
    PRIMARY KEY (model, hash)
);

-- Which vector belongs to which chunk.
CREATE TABLE embeddings (
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    chunk    TEXT COLLATE "C" NOT NULL,
    model    TEXT COLLATE "C" NOT NULL,
    hash     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (document, version, model, chunk)
);
CREATE INDEX embeddings_vector ON embeddings (model, hash);

CREATE TABLE events (
    id       BIGINT PRIMARY KEY,
    at_ms    BIGINT NOT NULL,
    project  TEXT COLLATE "C" NOT NULL,
    task     TEXT COLLATE "C",
    document TEXT COLLATE "C",
    kind     TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX events_project ON events (project, id);
CREATE INDEX events_document ON events (document);

-- What derived indexes follow. Rows hold identifiers only and are kept.
CREATE TABLE changes (
    seq      BIGINT PRIMARY KEY,
    kind     TEXT COLLATE "C" NOT NULL,
    project  TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL
);

-- These rows are rewritten all the time: dead ones are cleared early, and updates
-- find room on their own page.
ALTER TABLE jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE tasks SET (fillfactor = 80);
ALTER TABLE counters SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);
