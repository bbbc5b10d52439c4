-- Facts that hold for the whole library: the embedding model, the boot its leases belong to.
CREATE TABLE facts (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Numbers given out in commit order: the row stays locked until its transaction ends.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, value) VALUES ('events', 0), ('changes', 0);

CREATE TABLE documents (
    id           TEXT PRIMARY KEY,
    project      TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    file         TEXT NOT NULL,
    bytes        INTEGER NOT NULL,
    info         TEXT NOT NULL,
    outline      TEXT NOT NULL,
    live_version INTEGER,
    created_ms   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX documents_content ON documents (project, sha256);
CREATE INDEX documents_sha256 ON documents (sha256);

-- Blobs that no document needs any more, until the file itself is gone.
-- `removing_until_ms` is set while a process removes the file.
CREATE TABLE blob_removals (
    sha256            TEXT PRIMARY KEY,
    removing_until_ms INTEGER
) STRICT;

CREATE TABLE tasks (
    id               TEXT PRIMARY KEY,
    document         TEXT NOT NULL,
    project          TEXT NOT NULL,
    recipe           TEXT NOT NULL,
    version          INTEGER NOT NULL,
    status           TEXT NOT NULL,
    priority         INTEGER NOT NULL,
    -- Place in the fair order: see queue/policy.rs.
    turn             INTEGER NOT NULL,
    stage            TEXT NOT NULL,
    units_done       INTEGER NOT NULL,
    units_total      INTEGER NOT NULL,
    pages_total      INTEGER NOT NULL,
    pages_done       INTEGER NOT NULL,
    pages_unread     INTEGER NOT NULL,
    chunks           INTEGER NOT NULL,
    reused           INTEGER NOT NULL,
    error            TEXT,
    waiting          TEXT,
    created_ms       INTEGER NOT NULL,
    started_ms       INTEGER,
    stage_started_ms INTEGER,
    finished_ms      INTEGER,
    timings          TEXT NOT NULL
) STRICT;
CREATE INDEX tasks_document ON tasks (document, id);
CREATE INDEX tasks_project ON tasks (project, id);

-- A finished job has no row; its checkpoint tells that it was done.
CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    task         TEXT NOT NULL,
    document     TEXT NOT NULL,
    project      TEXT NOT NULL,
    queue        TEXT NOT NULL,
    stage        TEXT NOT NULL,
    unit         INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    recipe       TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    turn         INTEGER NOT NULL,
    state        TEXT NOT NULL,
    run_at       INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    crashes      INTEGER NOT NULL,
    fence        INTEGER NOT NULL,
    worker       TEXT,
    lease_until  INTEGER,
    error        TEXT
) STRICT;
CREATE UNIQUE INDEX jobs_work ON jobs (task, stage, unit);
CREATE INDEX jobs_ready ON jobs (queue, priority, turn, id) WHERE state = 'ready';
CREATE INDEX jobs_due ON jobs (queue, run_at) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'leased';
CREATE INDEX jobs_turn ON jobs (turn) WHERE state <> 'dead';
CREATE INDEX jobs_project_turn ON jobs (project, turn) WHERE state <> 'dead';
CREATE INDEX jobs_document ON jobs (document);

-- Unit -1 says that the whole stage is done.
CREATE TABLE checkpoints (
    document TEXT NOT NULL,
    version  INTEGER NOT NULL,
    stage    TEXT NOT NULL,
    unit     INTEGER NOT NULL,
    task     TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (document, version, stage, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE pages (
    document TEXT NOT NULL,
    version  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    label    TEXT,
    width    REAL NOT NULL,
    height   REAL NOT NULL,
    source   TEXT NOT NULL,
    reason   TEXT,
    PRIMARY KEY (document, version, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    document TEXT NOT NULL,
    version  INTEGER NOT NULL,
    page     INTEGER NOT NULL,
    ordinal  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    level    INTEGER,
    text     TEXT NOT NULL,
    x0       REAL NOT NULL,
    y0       REAL NOT NULL,
    x1       REAL NOT NULL,
    y1       REAL NOT NULL,
    cells    TEXT,
    words    BLOB NOT NULL,
    PRIMARY KEY (document, version, page, ordinal)
) STRICT;

-- What reading warned of, by version.
CREATE TABLE warnings (
    document TEXT NOT NULL,
    version  INTEGER NOT NULL,
    warnings TEXT NOT NULL,
    PRIMARY KEY (document, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
    id           TEXT PRIMARY KEY,
    document     TEXT NOT NULL,
    version      INTEGER NOT NULL,
    ordinal      INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    text         TEXT NOT NULL,
    heading_path TEXT NOT NULL,
    pieces       TEXT NOT NULL,
    tokens       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunks_place ON chunks (document, version, ordinal);

-- Vectors by the hash of the embedded text: each text is embedded once in a library.
CREATE TABLE vectors (
    model  TEXT NOT NULL,
    hash   TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (model, hash)
) STRICT;

-- Which vector belongs to which chunk.
CREATE TABLE embeddings (
    document TEXT NOT NULL,
    version  INTEGER NOT NULL,
    chunk    TEXT NOT NULL,
    model    TEXT NOT NULL,
    hash     TEXT NOT NULL,
    PRIMARY KEY (document, version, model, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX embeddings_vector ON embeddings (model, hash);

CREATE TABLE events (
    id       INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    project  TEXT NOT NULL,
    task     TEXT,
    document TEXT,
    kind     TEXT NOT NULL,
    data     TEXT NOT NULL
) STRICT;
CREATE INDEX events_project ON events (project, id);
CREATE INDEX events_document ON events (document);

-- What derived indexes follow. Rows hold identifiers only and are kept.
CREATE TABLE changes (
    seq      INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    project  TEXT NOT NULL,
    document TEXT NOT NULL,
    version  INTEGER NOT NULL
) STRICT;
