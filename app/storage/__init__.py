"""The truth: SQLite for rows, content-addressed files for bytes, one lock for the data directory."""
