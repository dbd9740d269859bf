"""An engine's files: fetched by the ordinary Maven client, checked, assembled once, atomically.

What Maven already had is used and left where it is; what was fetched for the sandbox is deleted
afterwards, since it takes much room and is of no more use.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from esplan import durable
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    repository = maven.repository()
    archives = [repository / artifact.path for artifact in engine.artifacts]
    fetched = [archive for archive in archives if not archive.exists()]
    try:
        if fetched:
            maven.fetch(engine, repository, progress)
        verify(engine, archives, progress)
        assemble(engine, archives, home, progress)
    finally:
        for archive in fetched:
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
                code="ESP-6106",
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

    def fetch(self, engine: Engine, repository: Path, progress: Progress) -> None:
        """Have Maven download all artifacts to their places, telling how far it is."""
        with (
            tempfile.TemporaryDirectory() as folder,
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        ):
            goal = ["--file", _project(engine, Path(folder)), "dependency:resolve"]
            run = subprocess.Popen(  # noqa: S603  (the user's own Maven)
                self.command + goal, stdout=output, stderr=output, env=self.environment, cwd="/"
            )
            try:
                _watch(run, engine, repository, progress)
            finally:
                run.terminate()
                run.wait()
            output.seek(0)
            complete = all((repository / artifact.path).exists() for artifact in engine.artifacts)
            if run.returncode != 0 or not complete:
                raise _maven_failed(f"download {engine.name}", output.read())


DEPENDENCY = """<dependency>
<groupId>{one.group}</groupId><artifactId>{one.name}</artifactId>
<version>{one.release}</version><type>{one.kind}</type>
<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
</dependency>
"""


def _project(engine: Engine, folder: Path) -> str:
    """A pom.xml that asks for exactly the engine's artifacts, and for no other they name."""
    wanted = "".join(DEPENDENCY.format(one=artifact) for artifact in engine.artifacts)
    file = folder / "pom.xml"
    text = (
        "<project><modelVersion>4.0.0</modelVersion><groupId>esplan</groupId>"
        "<artifactId>sandbox</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>\n{wanted}</dependencies></project>\n"
    )
    durable.create(file, text.encode())
    return str(file)


def _watch(
    run: subprocess.Popen[bytes], engine: Engine, repository: Path, progress: Progress
) -> None:
    """Wait for Maven, telling how far it is."""
    text = f"downloading {engine.name} ({engine.size / 1e6:.0f} MB)"
    while True:
        written = sum(_written(repository / artifact.path) for artifact in engine.artifacts)
        progress(text, min(written / engine.size, 1.0))
        try:
            run.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
        return


def _written(archive: Path) -> int:
    """Bytes there so far. Maven's unfinished file lies beside the archive, under a longer name."""
    return max((_size(path) for path in archive.parent.glob(f"{archive.name}*")), default=0)


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
        code="ESP-6106",
        why="\n".join(lines[:5]) or "it gave no reason",
        remedy="look at the network and at Maven's settings.xml (mirrors, proxies), then start "
        "again",
    )


def verify(engine: Engine, archives: Sequence[Path], progress: Progress) -> None:
    """Raise EsplanError unless each archive's SHA-256 is the catalogue's."""
    done = 0
    for artifact, archive in zip(engine.artifacts, archives, strict=True):
        digest = hashlib.sha256()
        with archive.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                done += len(chunk)
                progress("checking the archive", min(done / engine.size, 1.0))
        if digest.hexdigest() != artifact.sha256:
            raise EsplanError(
                "the downloaded archive is not the expected one, so nothing of it is used",
                code="ESP-6107",
                where=str(archive),
                why=f"SHA-256 is {digest.hexdigest()}, not {artifact.sha256}",
                remedy="delete that file if it is still there, then start again",
            )


def assemble(engine: Engine, archives: Sequence[Path], home: Path, progress: Progress) -> None:
    """Make the engine's folder `home` of its archives; after a crash `home` does not exist.

    Raises EsplanError when an archive lacks what it should have.
    """
    home.parent.mkdir(exist_ok=True)
    home.parent.chmod(0o755)
    for left_over in home.parent.glob("partial-*"):
        shutil.rmtree(left_over)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=home.parent))
    try:
        found = engine.assemble(archives, partial, progress)
        _let_everyone_read(found)
        os.sync()  # the rename must not reach the disk before the files do
        found.rename(home)
    finally:
        shutil.rmtree(partial, ignore_errors=not partial.exists())


def _let_everyone_read(folder: Path) -> None:
    """The account that runs the server may be another, whatever the umask says."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
