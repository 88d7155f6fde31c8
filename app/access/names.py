"""Names of users, groups and keys: shown as given, found by a key that equal-looking ones share."""

import unicodedata

from app.errors import BadRequest

MAX_NAME = 64  # characters
_TOO_LONG = 4 * MAX_NAME  # nothing of that length is even normalised

# Default_Ignorable_Code_Point of the Unicode character database that ``isprintable`` lets pass: letters and
# marks nobody sees. https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_INVISIBLE = frozenset(
    chr(code)
    for first, last in ((0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
                        (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
)  # fmt: skip


def name_key(name: str) -> str:
    """What a name is found by: NFKC, casefolded, NFKC again (UAX #31, NFKC_Casefold); "" for no usable name.

    ``Ａnna`` and ``anna`` are one. Letters of different scripts that look alike are not.
    """
    if len(name) > _TOO_LONG or not name.isprintable() or _INVISIBLE & set(name):
        return ""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def checked_name(name: str, what: str) -> tuple[str, str]:
    """The name as it is shown, and its key. ``what`` it names is for the message.

    Raises ``BadRequest`` for control, bidirectional and invisible characters, for space at either end or
    twice in a row, and beyond 64 characters.
    """
    key = name_key(name)
    plain = name == name.strip() and "  " not in name
    if not plain or not key or "  " in key or len(name) > MAX_NAME:
        raise BadRequest(
            f"{what} name {name[:_TOO_LONG]!r} cannot be used; choose 1 to {MAX_NAME} visible characters, "
            "without space at either end or twice in a row"
        )
    return name, key
