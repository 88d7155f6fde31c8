"""Browser libraries, byte for byte as published on npm: write them, or compare them with the lock.

``python -m tests.vendor --check`` compares the files with ``vendor.lock.json`` and needs no network;
``--check --fetch`` compares them with the published packages too; ``--write`` fetches the versions named in
``PACKAGES`` and writes files, licences and lock. Only ``--fetch`` and ``--write`` need ``npm``.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "app" / "web" / "static" / "vendor"
LOCK = VENDOR / "vendor.lock.json"


@dataclass(frozen=True, slots=True)
class Package:
    """What is taken from one npm package: its version, its licence and the files, by their path inside it.

    A path that ends in "/" means every file of that folder, which keep it as theirs; ``but`` are left out.
    """

    name: str
    version: str
    licence: str
    files: tuple[str, ...]
    but: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its files lie below ``static/vendor``."""
        return f"{self.name}-{self.version}"


PACKAGES = (
    Package("markdown-it", "15.0.3", "MIT", ("dist/browser/markdown-it.esm.min.mjs", "LICENSE")),
    Package("dompurify", "3.4.18", "MPL-2.0 OR Apache-2.0", ("dist/purify.es.mjs", "LICENSE", "LICENSE-MPL")),
    Package(
        "pdfjs-dist", "5.6.205", "Apache-2.0",
        ("build/pdf.min.mjs", "build/pdf.worker.min.mjs", "cmaps/", "standard_fonts/", "wasm/", "LICENSE"),
        but=("wasm/openjpeg_nowasm_fallback.js",),  # browsers that run the rest have WebAssembly
    ),
)


def published(package: Package) -> tuple[str, dict[str, bytes]]:
    """The registry's ``integrity`` (checked against the bytes received) and the wanted files by file name."""
    spec = f"{package.name}@{package.version}"
    with tempfile.TemporaryDirectory() as folder:
        reply = subprocess.run(["npm", "pack", "--json", "--pack-destination", folder, spec],
                               capture_output=True, check=True, text=True, cwd=folder)
        entry = json.loads(reply.stdout)[0]
        archive = Path(folder) / str(entry["filename"])
        digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != entry["integrity"]:
            raise SystemExit(f"{spec}: the bytes received do not have the integrity the registry names")
        with tarfile.open(archive) as tar:
            files = dict(_members(tar, package))
    return digest, files


def _members(tar: tarfile.TarFile, package: Package) -> Iterator[tuple[str, bytes]]:
    """The wanted files by the path under which they are kept."""
    for wanted in package.files:
        if not wanted.endswith("/"):
            yield Path(wanted).name, _member(tar, wanted)
            continue
        for name in sorted(tar.getnames()):
            path = name.removeprefix("package/")
            if path.startswith(wanted) and path not in package.but and tar.getmember(name).isfile():
                yield path, _member(tar, path)


def _member(tar: tarfile.TarFile, path: str) -> bytes:
    member = tar.extractfile(f"package/{path}")
    if member is None:
        raise SystemExit(f"{path} is not a file of the published package")
    return member.read()


def write() -> None:
    """Fetch every package and write its files and the lock."""
    lock = []
    for package in PACKAGES:
        integrity, files = published(package)
        folder = VENDOR / package.folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
        lock.append({
            "name": package.name,
            "version": package.version,
            "integrity": integrity,
            "licence": package.licence,
            "files": {f"{package.folder}/{name}": hashlib.sha256(data).hexdigest()
                      for name, data in files.items()},
        })
    LOCK.write_text(json.dumps({"packages": lock}, indent=2) + "\n", encoding="utf-8")


def problems(*, fetch: bool = False) -> list[str]:
    """What differs between files, lock and (with ``fetch``) the registry; empty when all agree."""
    found: list[str] = []
    locked: dict[str, str] = {}
    for entry in json.loads(LOCK.read_text(encoding="utf-8"))["packages"]:
        locked |= entry["files"]
        if not any((p.name, p.version, p.licence) == (entry["name"], entry["version"], entry["licence"])
                   for p in PACKAGES):
            found.append(f"{entry['name']} {entry['version']} is in the lock but not in PACKAGES")
    present = {path.relative_to(VENDOR).as_posix(): path for path in VENDOR.rglob("*") if path.is_file()}
    del present[LOCK.name]
    found += [f"{name} is not in the lock" for name in sorted(present.keys() - locked.keys())]
    found += [f"{name} is missing" for name in sorted(locked.keys() - present.keys())]
    found += [f"{name} differs from the lock" for name in sorted(locked.keys() & present.keys())
              if hashlib.sha256(present[name].read_bytes()).hexdigest() != locked[name]]
    if fetch:
        found += _differences_from_registry()
    return found


def _differences_from_registry() -> list[str]:
    entries = {entry["name"]: entry for entry in json.loads(LOCK.read_text(encoding="utf-8"))["packages"]}
    found = []
    for package in PACKAGES:
        integrity, files = published(package)
        if entries[package.name]["integrity"] != integrity:
            found.append(f"{package.name}: integrity differs from the registry")
        found += [f"{package.folder}/{name} differs from the published file" for name, data in files.items()
                  if (VENDOR / package.folder / name).read_bytes() != data]
    return found


def main() -> int:
    """Run the command line; 0 when everything agrees."""
    parser = argparse.ArgumentParser(description="vendored browser libraries")
    parser.add_argument("--write", action="store_true", help="fetch and write files and lock")
    parser.add_argument("--check", action="store_true", help="compare the files with the lock")
    parser.add_argument("--fetch", action="store_true", help="with --check: compare with npm, too")
    options = parser.parse_args()
    if options.write:
        write()
    found = problems(fetch=options.fetch)
    sys.stdout.write("".join(f"{line}\n" for line in found) or "vendored files agree\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
