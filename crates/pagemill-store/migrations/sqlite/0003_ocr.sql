-- How sure OCR was of a page's words, in thousandths; NULL for pages it did not read.
ALTER TABLE pages ADD COLUMN confidence INTEGER;

-- Pages of a version that need OCR, and what it read there. `key` is a hash of the page and the settings it was
-- read with, empty while it waits; `words` are in the form the reader takes; `error` is a code where reading failed.
CREATE TABLE recognitions (
    document TEXT NOT NULL,
    version  INTEGER NOT NULL,
    page     INTEGER NOT NULL,
    key      TEXT NOT NULL DEFAULT '',
    words    BLOB NOT NULL DEFAULT x'',
    error    TEXT,
    PRIMARY KEY (document, version, page)
) STRICT;
CREATE INDEX recognitions_key ON recognitions (key) WHERE key <> '';
