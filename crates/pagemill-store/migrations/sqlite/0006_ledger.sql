-- What a version of a document is made from, and what reading told of the file as a whole. Going live copies it
-- to `documents`. `redo_from` names the first stage that takes nothing over from earlier work.
CREATE TABLE versions (
    document  TEXT NOT NULL,
    version   INTEGER NOT NULL,
    project   TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    file      TEXT NOT NULL,
    bytes     INTEGER NOT NULL,
    info      TEXT,
    outline   TEXT,
    redo_from TEXT,
    PRIMARY KEY (document, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX versions_sha256 ON versions (sha256);
INSERT INTO versions (document, version, project, sha256, file, bytes, info, outline)
SELECT DISTINCT d.id, t.version, d.project, d.sha256, d.file, d.bytes, d.info, d.outline
FROM documents d JOIN tasks t ON t.document = d.id;

-- The key of a unit: a hash of its stage, the stage's code, its input and the settings that matter. Work with the
-- same key is never done again. `items` are pages, chunks or vectors; `ms` is how long it took, where it was done.
ALTER TABLE checkpoints ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE checkpoints ADD COLUMN items INTEGER NOT NULL DEFAULT 0;
ALTER TABLE checkpoints ADD COLUMN ms INTEGER;
CREATE INDEX checkpoints_key ON checkpoints (key, stage, unit) WHERE key <> '';
CREATE INDEX checkpoints_times ON checkpoints (stage, at_ms) WHERE ms IS NOT NULL;

-- Whether the page was taken over from earlier work.
ALTER TABLE pages ADD COLUMN reused INTEGER NOT NULL DEFAULT 0;

-- What a task did and took over, by stage.
ALTER TABLE tasks ADD COLUMN ledger TEXT NOT NULL DEFAULT '[]';

-- Work that is done at intervals. One process at a time has it, until `running_until`; `fence` rises with each run.
CREATE TABLE schedules (
    name          TEXT PRIMARY KEY,
    fence         INTEGER NOT NULL,
    running_until INTEGER,
    last_ms       INTEGER,
    last_took_ms  INTEGER,
    last_result   TEXT,
    last_error    TEXT,
    next_ms       INTEGER NOT NULL
) STRICT;
