"""Numbers and dates of spreadsheets and charts, written as their number format shows them.

The format language is that of ECMA-376 part 1, 18.8.31. What is not understood is shown as the plain value,
which is never wrong, only less pretty. Dates in the system's own order (formats 14 and 22) are written year
first, the one order that reads the same everywhere.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeAlias

Value: TypeAlias = "int | float | datetime | date | time | timedelta"

_SYSTEM_DATES = {"mm-dd-yy": "yyyy-mm-dd", "m/d/yy h:mm": "yyyy-mm-dd hh:mm"}
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<ampm>AM/PM|A/P|上午/下午)|(?P<letters>[yYmMdDhHsSeEgGbBaA]+)|(?P<fraction>\.0+)|(?P<other>.)",
    re.DOTALL,
)
_CONDITION = re.compile(r"\[(?:[<>=][^\]]*)\]")
_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[0-9A-Fa-f]+)?\]")
_LOCALE = re.compile(r"\[\$-([0-9A-Fa-f]+)")
_COLOUR = re.compile(
    r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?\d+|dbnum\d)\]", re.IGNORECASE
)
_PLACEHOLDERS = re.compile(r"[0#?][0#?,]*(?:\.[0#?]*)?,*|\.[0#?]+,*")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_HAS_DATE = re.compile(r"[yYdDhHsS]|[mM]")
_PLAIN_DIGITS = 15  # what a double holds for certain, and what Excel keeps
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS_ZH = "一二三四五六日"


def shown(value: Value, code: str) -> str:
    """The value as this format shows it; "" where the format hides it (;;;)."""
    if isinstance(value, timedelta):
        return _elapsed(value, code)
    if isinstance(value, datetime | date | time):
        return _moment(value, code)
    return _number(value, code)


def plain(value: float) -> str:
    """The number without float noise: at most 15 significant digits, never an exponent below 10^15."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if isinstance(value, int):
        return str(value)
    rounded = f"{value:.{_PLAIN_DIGITS}g}"
    exponent = int(rounded.partition("e")[2] or 0)
    if not rounded.partition("e")[2]:
        return "0" if rounded == "-0" else rounded
    return format(Decimal(rounded), "f") if -15 < exponent < 21 else rounded.replace("e", "E")


@lru_cache(1024)
def _sections(code: str) -> tuple[str, ...]:
    """The parts for positive, negative, zero and text, split at semicolons outside of quotes."""
    parts, start, index = [], 0, 0
    while index < len(code):
        match = _LITERAL.match(code, index)
        if match and match.end() > index:
            index = match.end()
            continue
        if code[index] == ";":
            parts.append(code[start:index])
            start = index + 1
        index += 1
    return (*parts, code[start:])


def _number(value: float, code: str) -> str:
    if code in ("", "General", "@", "G/通用格式") or value != value or abs(value) == float("inf"):
        return plain(value)
    sections = _sections(code)
    if any(_CONDITION.search(section) for section in sections):
        return plain(value)  # conditions choose a section in ways of their own
    signed = value
    section = sections[0]
    if value < 0 and len(sections) > 1:
        section, signed = sections[1], -value
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    return _write_number(signed, section)


def _write_number(value: float, section: str) -> str:
    pattern = _CURRENCY.sub(lambda match: f'"{match[1]}"', _COLOUR.sub("", section))
    if "General" in pattern:
        return _literals(pattern.replace("General", f'"{plain(value)}"')).strip()
    bare = _LITERAL.sub("", pattern)
    if re.search(r"[eE][+-]", bare):
        return _scientific(value, bare)
    if "/" in bare or "[" in bare or _HAS_DATE.search(bare):
        return plain(value)
    places = list(_PLACEHOLDERS.finditer(_masked(pattern)))
    if len(places) != 1:
        return plain(value) if places or "%" in bare else _literals(pattern).strip()
    place = places[0]
    digits = place[0].rstrip(",")  # each comma at the end divides by a thousand
    whole, _, fraction = digits.partition(".")
    number = _decimal(value).scaleb(2 * bare.count("%") - 3 * (len(place[0]) - len(digits)))
    text = _digits(abs(number), whole, fraction, grouped="," in whole)
    sign = "-" if number < 0 and any(digit in "123456789" for digit in text) else ""
    return (sign + _literals(pattern[: place.start()]) + text + _literals(pattern[place.end() :])).strip()


def _decimal(value: float) -> Decimal:
    try:
        return Decimal(plain(value))
    except InvalidOperation:
        return Decimal(value)


def _masked(pattern: str) -> str:
    """The pattern with quoted and escaped characters made harmless, at the same length."""
    return _LITERAL.sub(lambda match: "\x00" * len(match[0]), pattern)


def _digits(number: Decimal, whole: str, fraction: str, *, grouped: bool) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-len(fraction)), ROUND_HALF_UP) if number < 10**20 else number
    left, _, right = format(rounded, "f").partition(".")
    least = sum(1 for place in whole if place == "0")
    left = left.lstrip("0").rjust(least, "0") if least or left == "0" else left
    if grouped:
        left = f"{int(left or 0):,}".rjust(least, "0")
    kept = len(fraction.rstrip("#?"))
    right = right[:kept] + right[kept:].rstrip("0")
    if right:
        return f"{left}.{right}"
    return left if left or fraction or whole.strip("#,") else "0"


def _scientific(value: float, bare: str) -> str:
    match = re.search(r"([0#?.]+)[eE]([+-])([0#?]+)", bare)
    if match is None:
        return plain(value)
    places = len(match[1].partition(".")[2])
    mantissa, _, exponent = f"{value:.{places}e}".partition("e")
    sign = "-" if exponent.startswith("-") else "+" if match[2] == "+" else ""
    return f"{mantissa}E{sign}{exponent.lstrip('+-').lstrip('0').rjust(len(match[3]), '0')}"


def _literals(pattern: str) -> str:
    """What a format writes as it stands; padding (_x, *x) becomes nothing."""
    return re.sub(r'"([^"]*)"|\\(.)|_.|\*.|\[[^\]]*\]', lambda match: match[1] or match[2] or "", pattern)


def _moment(value: datetime | date | time, code: str) -> str:
    code = _SYSTEM_DATES.get(code, code)
    section = _sections(code)[0]
    locale = _LOCALE.search(section)
    chinese = bool(locale and locale[1].lstrip("0").lower().endswith("804"))
    tokens = [match for match in _TOKEN.finditer(section) if match[0]]
    if not any(match["letters"] for match in tokens):
        return _iso(value)
    twelve = any(match["ampm"] for match in tokens)
    written = ""
    for index, match in enumerate(tokens):
        if match["letters"]:
            written += _part(value, match["letters"].lower(), _is_minute(tokens, index), twelve, chinese)
        elif match["ampm"]:
            written += _half_day(value, match["ampm"])
        elif match["fraction"]:
            written += f"{getattr(value, 'microsecond', 0) / 1_000_000:.{len(match['fraction']) - 1}f}"[1:]
        else:
            written += match["quoted"] or match["escaped"] or match["other"] or ""
    return written.partition(";")[0].strip() or _iso(value)


def _iso(value: datetime | date | time) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if value.time() == time() else "%Y-%m-%d %H:%M:%S")
    return value.isoformat()


def _is_minute(tokens: "list[re.Match[str]]", index: int) -> bool:
    """Whether m stands for minutes: after hours or before seconds, whatever lies between."""
    letters = [(at, match["letters"].lower()) for at, match in enumerate(tokens) if match["letters"]]
    place = next(number for number, (at, _) in enumerate(letters) if at == index)
    before = letters[place - 1][1] if place else ""
    after = letters[place + 1][1] if place + 1 < len(letters) else ""
    return before.startswith("h") or after.startswith("s")


def _part(value: datetime | date | time, letters: str, minute: bool, twelve: bool, chinese: bool) -> str:
    kind, width = letters[0], len(letters)
    if isinstance(value, time) and (kind in "ydaeg" or (kind == "m" and not minute)):
        return ""
    if kind in "hs" or (kind == "m" and minute):
        return _clock(value, kind, width, twelve)
    writers: dict[str, Callable[[date], str]] = {
        "y": lambda day: f"{day.year:04d}" if width > 2 else f"{day.year % 100:02d}",
        "e": lambda day: f"{day.year:04d}",
        "m": lambda day: _month(day, width, chinese),
        "d": lambda day: _day(day, width, chinese),
        "a": lambda day: ("星期" if width > 3 else "周") + _DAYS_ZH[day.weekday()],
    }
    write = writers.get(kind)
    return write(value) if write and isinstance(value, date) else ""


def _clock(value: datetime | date | time, kind: str, width: int, twelve: bool) -> str:
    if not isinstance(value, datetime | time):
        return "0".rjust(min(width, 2), "0")
    number = {"h": value.hour, "m": value.minute, "s": value.second}[kind]
    if kind == "h" and twelve:
        number = number % 12 or 12
    return str(number).rjust(min(width, 2), "0")


def _half_day(value: datetime | date | time, mark: str) -> str:
    before, _, after = mark.partition("/")
    return after if getattr(value, "hour", 0) >= 12 else before


def _month(day: date, width: int, chinese: bool) -> str:
    if width <= 2:
        return str(day.month).rjust(width, "0")
    if chinese:
        return f"{day.month}月"
    name = _MONTHS[day.month - 1]
    return name[:3] if width == 3 else name[0] if width == 5 else name


def _day(day: date, width: int, chinese: bool) -> str:
    if width <= 2:
        return str(day.day).rjust(width, "0")
    if chinese:
        return ("周" if width == 3 else "星期") + _DAYS_ZH[day.weekday()]
    name = _DAYS[day.weekday()]
    return name[:3] if width == 3 else name


def _elapsed(value: timedelta, code: str) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    hours, rest = divmod(seconds, 3600)
    if "s" in code.lower() or rest % 60:
        return f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{sign}{hours}:{rest // 60:02d}"
