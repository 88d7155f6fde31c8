"""Files that Chroma leaves behind: it never deletes the folder of a collection that was dropped.

Chroma 1.5.9 forgets the rows and keeps the files (chroma issues 5259 and 5520), so that every rebuild would
cost the disk another copy of the index.
"""

import shutil
import sqlite3
import uuid
from pathlib import Path


def unused_segments(folder: Path) -> list[Path]:
    """Folders of an embedded Chroma that none of its segments refers to; none where that cannot be read.

    May be asked while Chroma is in use: a segment has its row before it has its folder.
    """
    named = sorted(each for each in folder.glob("*") if each.is_dir() and _is_uuid(each.name))
    database = folder / "chroma.sqlite3"
    if not named or not database.is_file():
        return []
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
        try:
            used = {str(row[0]) for row in connection.execute("SELECT id FROM segments")}
        finally:
            connection.close()
    except sqlite3.Error:
        return []
    return [each for each in named if each.name not in used]


def remove_unused_segments(folder: Path) -> None:
    """Delete what ``unused_segments`` names."""
    for each in unused_segments(folder):
        shutil.rmtree(each, ignore_errors=True)


def _is_uuid(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
