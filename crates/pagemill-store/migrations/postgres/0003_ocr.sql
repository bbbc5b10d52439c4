-- How sure OCR was of a page's words, in thousandths; NULL for pages it did not read.
ALTER TABLE pages ADD COLUMN confidence BIGINT;

-- Pages of a version that need OCR, and what it read there. `key` is a hash of the page and the settings it was
-- read with, empty while it waits; `words` are in the form the reader takes; `error` is a code where reading failed.
CREATE TABLE recognitions (
    document TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    page     BIGINT NOT NULL,
    key      TEXT COLLATE "C" NOT NULL DEFAULT '',
    words    BYTEA NOT NULL DEFAULT '',
    error    TEXT COLLATE "C",
    PRIMARY KEY (document, version, page)
);
CREATE INDEX recognitions_key ON recognitions (key) WHERE key <> '';
