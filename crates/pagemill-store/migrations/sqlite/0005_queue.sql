-- A job that waits for its time is `waiting`, so that whoever claims passes over none: what is `ready` is ready.
ALTER TABLE jobs ADD COLUMN claimed_ms INTEGER;
ALTER TABLE jobs ADD COLUMN died_ms INTEGER;
UPDATE jobs SET state = 'waiting' WHERE state = 'ready' AND run_at > 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (queue, run_at) WHERE state = 'waiting';
CREATE INDEX jobs_waiting ON jobs (run_at) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (project, id) WHERE state = 'dead';

-- What a person has said about a queue.
CREATE TABLE queues (
    name        TEXT PRIMARY KEY,
    paused      INTEGER NOT NULL,
    -- Most jobs at work at once; NULL is as many as workers take.
    concurrency INTEGER,
    changed_ms  INTEGER NOT NULL
) STRICT;
INSERT INTO queues (name, paused, changed_ms) VALUES ('default', 0, 0), ('images', 0, 0), ('embeddings', 0, 0);

-- Processes that take jobs, with what they last said of themselves.
CREATE TABLE workers (
    id           TEXT PRIMARY KEY,
    host         TEXT NOT NULL,
    pid          INTEGER NOT NULL,
    version      TEXT NOT NULL,
    -- Places by queue, JSON.
    places       TEXT NOT NULL,
    started_ms   INTEGER NOT NULL,
    seen_ms      INTEGER NOT NULL,
    -- The same on the clock that leases run by.
    seen_at      INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    -- Why it takes no jobs, when it takes none.
    held_back    TEXT,
    -- Jobs in hand, JSON.
    jobs         TEXT NOT NULL
) STRICT;

-- How each attempt of a job ended. One that is under way is the job's own row.
CREATE TABLE attempts (
    task       TEXT NOT NULL,
    job        TEXT NOT NULL,
    fence      INTEGER NOT NULL,
    stage      TEXT NOT NULL,
    unit       INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    worker     TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    error      TEXT,
    PRIMARY KEY (task, job, fence)
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_status ON tasks (project, status, id);
CREATE INDEX tasks_finished ON tasks (finished_ms) WHERE finished_ms IS NOT NULL;
