"""How each server is started: a command and its environment.

The command is run in the server's folder; what it prints goes to `state.start_log(run)`. Either it
returns once the server is up, leaves it running, and has the server write its process id to
`state.pid_file(run)`; or it stays in the foreground, and prints the server's line "started".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from esplan.sandbox.state import pid_file

if TYPE_CHECKING:
    from pathlib import Path

HEAP = "-Xms1g -Xmx1g"


@dataclass(frozen=True)
class Launch:
    """What a launcher needs to know: the server's files, its own folder, and a Java home."""

    home: Path
    run: Path
    java: Path


Command = tuple[list[str], dict[str, str]]


def _environment(launch: Launch) -> dict[str, str]:
    """What every Elasticsearch reads."""
    return {
        "ES_HOME": str(launch.home),
        "ES_PATH_CONF": str(launch.run / "config"),
        "ES_JAVA_HOME": str(launch.java),
        "ES_JAVA_OPTS": HEAP,
        "ES_TMPDIR": str(launch.run / "tmp"),
        "ES_DISTRIBUTION_TYPE": "zip",
    }


def cli_tool_launcher(launch: Launch) -> Command:
    """The launcher class of 8.x: what the absent `bin/elasticsearch` would call."""
    home = launch.home
    properties = {
        "cli.name": "server",
        "cli.script": home / "bin/elasticsearch",
        "cli.libs": "lib/tools/server-cli",
        "es.path.home": home,
        "es.path.conf": launch.run / "config",
        "es.distribution.type": "zip",
    }
    command = [
        *(str(launch.java / "bin/java"), "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC"),
        *(f"-D{name}={value}" for name, value in properties.items()),
        *("-cp", f"{home}/lib/*:{home}/lib/cli-launcher/*"),
        *("org.elasticsearch.launcher.CliToolLauncher", "-d", "-p", str(pid_file(launch.run))),
    ]
    return command, _environment(launch)


def server_launcher(launch: Launch) -> Command:
    """The launcher class of 9.x, which takes its own settings from the environment.

    It stays beside the server, and ends with it: with `-d` it did not always return.
    """
    java = launch.java / "bin/java"
    command = [
        *(str(java), "-Xmx64m", "-cp", f"{launch.home}/lib/tools/server-launcher/*"),
        *("org.elasticsearch.server.launcher.ServerLauncher", "-p"),
        str(pid_file(launch.run)),
    ]
    own = {
        "JAVA": str(java),
        "JAVA_TYPE": "ES_JAVA_HOME",
        "JAVA_HOME": str(launch.java),
        "CLI_JAVA_OPTS": "-Xms4m -Xmx64m",
    }
    return command, _environment(launch) | own


def script(launch: Launch) -> Command:
    """The script of 7.17, which becomes the server: its `-d` would not wait until that is up."""
    command = ["bash", str(launch.home / "bin/elasticsearch")]
    return command, _environment(launch)


def opensearch(launch: Launch) -> Command:
    """The source file beside the jars, which Java compiles in memory. It stays."""
    home, config = launch.home, launch.run / "config"
    command = [
        *(str(launch.java / "bin/java"), f"@{config}/jvm.options"),
        *(f"-Djava.io.tmpdir={launch.run / 'tmp'}", "-cp", f"{home}/lib/*"),
        *(str(home / "OpenSearchServer.java"), str(home), str(config)),
    ]
    return command, {}
