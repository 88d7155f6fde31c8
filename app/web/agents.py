"""What a browser calls itself, in the two words a person knows it by."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What its name is told by, the most special first: almost all of them call themselves Safari, too."""
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def agent_name(agent: str) -> str:
    """A short name for a User-Agent header, such as "Firefox · Windows"; the header itself for others."""
    found = [next((name for sign, name in each if sign in agent), "") for each in (BROWSERS, SYSTEMS)]
    return " · ".join(filter(None, found)) if found[0] else agent
