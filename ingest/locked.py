"""A locked Office file ([MS-OFFCRYPTO] 2.2: an encrypted package in an OLE2 container) → the package in it.

Runs only inside the parser process; the package exists nowhere else. The only importer of msoffcrypto-tool.
"""

import io

from ingest.containers import OLE2, office_type
from ingest.errors import IngestError, encrypted
from ingest.types import MediaType

try:
    from msoffcrypto.exceptions import DecryptionError, InvalidKeyError
    from msoffcrypto.format.ooxml import OOXMLFile
except ModuleNotFoundError:  # an installation without it still reads what is not locked
    OOXMLFile = None

# Excel locks with it where a workbook is protected against changes only, and opens that without asking
# (OpenOffice.org's Documentation of the Microsoft Excel File Format, 4.18.3).
_NO_PASSWORD = "VelvetSweatshop"  # noqa: S105 - known to everybody


def unlocked(data: bytes, password: str, media_type: MediaType) -> bytes:
    """The package of an Office file, opened with this password, or without one where Office asks for none.

    A file that is not locked comes back as it is. Takes up to five times the file in memory. Raises
    ``IngestError``: encrypted where the password is missing or wrong, or Office itself has to open the file;
    unsupported_type where the package is not of this media type, which is only known now.
    """
    if not data.startswith(OLE2):
        return data
    if OOXMLFile is None:
        raise IngestError(
            "unsupported_type",
            "it is locked, and msoffcrypto-tool, which opens such files, is not installed; pip install "
            "msoffcrypto-tool, or save a copy without a password",
        )
    package = io.BytesIO()
    try:
        locked = OOXMLFile(io.BytesIO(data))
        # Its verify_password is not asked for: it compares padded hashes, and so refuses the right password
        # of what Office 2010 has locked with SHA-1. A wrong key gives no ZIP, which is always looked at.
        locked.load_key(password=password or _NO_PASSWORD)
        locked.decrypt(package)
    except (InvalidKeyError, UnicodeEncodeError) as error:
        raise encrypted(password) from error
    except DecryptionError as error:
        raise IngestError(
            "encrypted",
            "it is locked in a way that only Office opens; open it there, save a copy without a password, "
            "and upload that",
        ) from error
    found = office_type(package.getvalue())
    if found != media_type:
        raise IngestError(
            "unsupported_type", "what is locked in it is not what its name says; correct the name"
        )
    return package.getvalue()
