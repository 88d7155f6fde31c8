CREATE TABLE monitoring (
    step_s INTEGER NOT NULL CHECK (step_s IN (60, 3600)),
    begins_at INTEGER NOT NULL CHECK (begins_at % step_s = 0),
    seconds REAL NOT NULL,
    sums TEXT NOT NULL,
    peaks TEXT NOT NULL,
    PRIMARY KEY (step_s, begins_at)
) STRICT, WITHOUT ROWID;
