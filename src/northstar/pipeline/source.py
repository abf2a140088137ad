"""What was trained: the project's files as one archive, their commit, and the environment.

The archive is what a retraining runs later. It leaves out data, caches, hidden folders and virtual
environments; beside the files it carries ``.northstar-origin.json``, which remembers where the
project lay (relative data paths are looked up there) and its commit.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from northstar.errors import Failed
from northstar.project.domain import ProjectSpec

ORIGIN_FILE = ".northstar-origin.json"
_LEFT_OUT = {"__pycache__", "node_modules", "venv", "env", "data", "mlruns", "mlartifacts"}
_LARGEST_SOURCE_BYTES = 100 << 20


@dataclass(frozen=True)
class Origin:
    """Where a project's files came from.

    Attributes:
        folder: the project's folder on the machine where it is worked on.
        commit: of the Git repository around it; ``None`` outside of one.
        dirty: whether files differ from that commit.
    """

    folder: Path
    commit: str | None
    dirty: bool


def find_origin(project: Path) -> Origin:
    """Where the project's files came from: an archive's own word, or the folder and its Git."""
    known = project / ORIGIN_FILE
    if known.is_file():
        told = json.loads(known.read_text())
        return Origin(Path(told["folder"]), told["commit"], told["dirty"])
    commit = _git(project, "rev-parse", "HEAD")
    changes = _git(project, "status", "--porcelain", "--", ".") if commit else None
    return Origin(project.resolve(), commit or None, bool(changes))


def source_digest(project: Path, spec: ProjectSpec) -> str:
    """SHA-256 over the project's files, as ``sha256:<hex>``."""
    digest = hashlib.sha256()
    for path in _files(project, spec):
        digest.update(f"{path.relative_to(project).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{digest.hexdigest()}"


def archive_source(project: Path, spec: ProjectSpec, origin: Origin, target: Path) -> None:
    """Write the project's files and their origin to ``target``, a ``.tar.gz``; the same files
    give the same bytes.
    """
    told = json.dumps({**asdict(origin), "folder": str(origin.folder)}).encode()
    with (
        target.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        _add(archive, ORIGIN_FILE, told, executable=False)
        for path in _files(project, spec):
            name = path.relative_to(project).as_posix()
            _add(archive, name, path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))


def environment_lock() -> str:
    """Every installed distribution as ``name==version``, one a line: what really ran."""
    found = {
        f"{dist.metadata['Name']}=={dist.version}".lower()
        for dist in importlib.metadata.distributions()
    }
    return "\n".join(sorted(found)) + "\n"


def _files(project: Path, spec: ProjectSpec) -> Iterator[Path]:
    written = spec.data.path
    data = set(project.glob(written)) if written and _is_relative(written) else set()
    total = 0
    for path in sorted(_walk(project)):
        if path in data:
            continue
        total += path.stat().st_size
        if total > _LARGEST_SOURCE_BYTES:
            raise Failed(
                f"The source in {project} is larger than {_LARGEST_SOURCE_BYTES >> 20} MB.",
                hint="Keep data in the folder 'data/', which is not part of the source.",
            )
        yield path


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_symlink() or path.name in _LEFT_OUT or path.name.startswith(".env"):
            continue  # an .env file is where secrets are kept
        if path.is_dir():
            if not path.name.startswith(".") and not (path / "pyvenv.cfg").exists():
                yield from _walk(path)
        elif path.is_file() and path.name != ORIGIN_FILE:
            yield path


def _is_relative(path: str) -> bool:
    return "://" not in path and not Path(path).is_absolute()


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(content))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
