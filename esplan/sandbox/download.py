"""An engine's files: fetched by the ordinary Maven client, checked, extracted once, atomically.

An archive that Maven already had is used and left where it is; one that was fetched for the
sandbox is deleted after extraction, since only a part of it is of use.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from esplan.errors import EsplanError

if TYPE_CHECKING:
    from esplan.sandbox import Progress
    from esplan.sandbox.engines import Engine

CHUNK = 1 << 20
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def install(engine: Engine, cache: Path, java: Path, progress: Progress) -> Path:
    """The folder of the engine's files, made now if it is not there yet.

    The caller holds the cache's lock. Raises EsplanError when Maven is missing or fails, or when
    the archive is not the expected one.
    """
    home = cache / "engines" / f"{engine.name}-{engine.version}"
    if home.is_dir():
        return home
    maven = Maven(java)
    archive = maven.repository() / engine.archive
    fetched = not archive.exists()
    if fetched:
        maven.fetch(engine, archive, progress)
    try:
        verify(archive, engine, progress)
        extract(archive, engine.folder, home, progress)
    finally:
        if fetched:
            archive.unlink(missing_ok=True)
    return home


class Maven:
    """The `mvn` on PATH, run with the given Java, and with the user's own settings."""

    def __init__(self, java: Path) -> None:
        """Raises EsplanError when there is no `mvn`."""
        command = shutil.which("mvn")
        if command is None:
            raise EsplanError(
                "Maven was not found, and the sandbox fetches its server with it",
                why="there is no mvn on PATH",
                remedy="install Maven 3, or do without the sandbox: --url of any cluster",
            )
        self.command = [command, "--quiet", "--batch-mode"]
        self.environment = os.environ | {"JAVA_HOME": str(java)}

    def repository(self) -> Path:
        """The local repository, as the user's settings have it."""
        goal = ["help:evaluate", "-Dexpression=settings.localRepository", "-DforceStdout"]
        answer = subprocess.run(  # noqa: S603  (the user's own Maven)
            self.command + goal,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd="/",  # a pom.xml in the current folder is none of the sandbox's business
            check=False,
        )
        if answer.returncode != 0:
            raise _maven_failed("find its local repository", answer.stdout + answer.stderr)
        return Path(ANSI.sub("", answer.stdout).strip())

    def fetch(self, engine: Engine, archive: Path, progress: Progress) -> None:
        """Have Maven download the archive to its place, telling how far it is."""
        goal = ["dependency:get", f"-Dartifact={engine.coordinate}", "-Dtransitive=false"]
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            run = subprocess.Popen(  # noqa: S603  (the user's own Maven)
                self.command + goal, stdout=output, stderr=output, env=self.environment, cwd="/"
            )
            try:
                _watch(run, engine, archive, progress)
            finally:
                run.terminate()
                run.wait()
            output.seek(0)
            if run.returncode != 0 or not archive.exists():
                raise _maven_failed(f"download {engine.coordinate}", output.read())


def _watch(run: subprocess.Popen[bytes], engine: Engine, archive: Path, progress: Progress) -> None:
    """Wait for Maven. Its unfinished file lies beside the archive, under a longer name."""
    text = f"downloading {engine.artifact} ({engine.size / 1e6:.0f} MB)"
    while True:
        written = max((_size(path) for path in archive.parent.glob(f"{archive.name}*")), default=0)
        progress(text, min(written / engine.size, 1.0))
        try:
            run.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
        return


def _size(path: Path) -> int:
    """Bytes of a file that may have been renamed meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _maven_failed(task: str, output: str) -> EsplanError:
    lines = [line for line in ANSI.sub("", output).splitlines() if line.strip()]
    return EsplanError(
        f"Maven could not {task}",
        why="\n".join(lines[:5]) or "it gave no reason",
        remedy="look at the network and at Maven's settings.xml (mirrors, proxies), then start "
        "again",
    )


def verify(archive: Path, engine: Engine, progress: Progress) -> None:
    """Raise EsplanError unless the archive's SHA-256 is the catalogue's."""
    digest, done = hashlib.sha256(), 0
    with archive.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress("checking the archive", min(done / engine.size, 1.0))
    if digest.hexdigest() != engine.sha256:
        raise EsplanError(
            "the downloaded archive is not the expected one, so nothing of it is used",
            where=str(archive),
            why=f"SHA-256 is {digest.hexdigest()}, not {engine.sha256}",
            remedy="delete that file if it is still there, then start again",
        )


def extract(archive: Path, folder: str, home: Path, progress: Progress) -> None:
    """Extract `*/<folder>/` of the archive as `home`; after a crash `home` does not exist.

    Raises EsplanError when the archive has no such folder.
    """
    home.parent.mkdir(exist_ok=True)
    home.parent.chmod(0o755)
    for left_over in home.parent.glob("partial-*"):
        shutil.rmtree(left_over)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=home.parent))
    try:
        with zipfile.ZipFile(archive) as file:
            _extract_members(file, folder, partial, progress)
        found = next(partial.glob(f"*/{folder}"), None)
        if found is None:
            raise EsplanError(f"the archive has no folder {folder}/", where=str(archive))
        _let_everyone_read(found)
        os.sync()  # the rename must not reach the disk before the files do
        found.rename(home)
    finally:
        shutil.rmtree(partial)


def _extract_members(file: zipfile.ZipFile, folder: str, partial: Path, progress: Progress) -> None:
    """Write the members of `*/<folder>/`, telling how far it is by their bytes."""
    wanted = [member for member in file.infolist() if member.filename.split("/")[1:2] == [folder]]
    total, done = sum(member.file_size for member in wanted) or 1, 0
    for member in wanted:
        file.extract(member, partial)
        done += member.file_size
        progress("extracting the server", done / total)


def _let_everyone_read(folder: Path) -> None:
    """The account that runs the server may be another, whatever the umask says."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
