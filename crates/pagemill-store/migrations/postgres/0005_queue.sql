-- A job that waits for its time is `waiting`, so that whoever claims passes over none: what is `ready` is ready.
ALTER TABLE jobs ADD COLUMN claimed_ms BIGINT;
ALTER TABLE jobs ADD COLUMN died_ms BIGINT;
UPDATE jobs SET state = 'waiting' WHERE state = 'ready' AND run_at > 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (queue, run_at) WHERE state = 'waiting';
CREATE INDEX jobs_waiting ON jobs (run_at) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (project, id) WHERE state = 'dead';

-- What a person has said about a queue.
CREATE TABLE queues (
    name        TEXT COLLATE "C" PRIMARY KEY,
    paused      BIGINT NOT NULL,
    -- Most jobs at work at once; NULL is as many as workers take.
    concurrency BIGINT,
    changed_ms  BIGINT NOT NULL
);
INSERT INTO queues (name, paused, changed_ms) VALUES ('default', 0, 0), ('images', 0, 0), ('embeddings', 0, 0);

-- Processes that take jobs, with what they last said of themselves.
CREATE TABLE workers (
    id           TEXT COLLATE "C" PRIMARY KEY,
    host         TEXT COLLATE "C" NOT NULL,
    pid          BIGINT NOT NULL,
    version      TEXT COLLATE "C" NOT NULL,
    -- Places by queue, JSON.
    places       TEXT COLLATE "C" NOT NULL,
    started_ms   BIGINT NOT NULL,
    seen_ms      BIGINT NOT NULL,
    -- The same on the clock that leases run by.
    seen_at      BIGINT NOT NULL,
    memory_bytes BIGINT NOT NULL,
    -- Why it takes no jobs, when it takes none.
    held_back    TEXT COLLATE "C",
    -- Jobs in hand, JSON.
    jobs         TEXT COLLATE "C" NOT NULL
);

-- How each attempt of a job ended. One that is under way is the job's own row.
CREATE TABLE attempts (
    task       TEXT COLLATE "C" NOT NULL,
    job        TEXT COLLATE "C" NOT NULL,
    fence      BIGINT NOT NULL,
    stage      TEXT COLLATE "C" NOT NULL,
    unit       BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    worker     TEXT COLLATE "C" NOT NULL,
    started_ms BIGINT NOT NULL,
    ended_ms   BIGINT NOT NULL,
    outcome    TEXT COLLATE "C" NOT NULL,
    error      TEXT COLLATE "C",
    PRIMARY KEY (task, job, fence)
);

CREATE INDEX tasks_status ON tasks (project, status, id);
CREATE INDEX tasks_finished ON tasks (finished_ms) WHERE finished_ms IS NOT NULL;

-- Rewritten at every heart-beat.
ALTER TABLE workers SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);
-- A table of a million rows is not analysed often enough by its share of changes alone.
ALTER TABLE jobs SET (autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000);
