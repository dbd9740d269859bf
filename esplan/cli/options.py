"""What every command shares: the global options, and what follows from them."""

from __future__ import annotations

import os
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console, RenderableType

    from esplan.cluster import Cluster
    from esplan.config import Settings
    from esplan.connection import Connection
    from esplan.plan import Plan
    from esplan.policy import Policy
    from esplan.views.progress import Bars, Events, Lines, Silent, Work
    from esplan.watch import Watch


LOG_WIDTH = 140
"""Columns of a table in a log or a file: names of indices are long there."""


@dataclass(frozen=True)
class Globals:
    """The options that every command has."""

    url: str | None
    env: str | None
    config: Path | None
    color: bool
    json: bool
    quiet: bool
    verbose: bool
    cloud_id: str | None = None
    insecure: bool = False

    def settings(self) -> Settings:
        """Environment, variables and credentials; no request is sent."""
        from esplan import config

        return config.settings(
            self.url,
            self.env,
            os.environ,
            config=self.config,
            cloud_id=self.cloud_id,
            insecure=self.insecure,
        )

    def cluster(self) -> Cluster:
        """The cluster that --url, --env or ESPLAN_URL names. There is no default."""
        from esplan.cluster import Cluster

        connection = self.settings().connected()
        self._warn(connection)
        return Cluster(connection, trace=self._trace)

    def _warn(self, connection: Connection) -> None:
        """Of what is dangerous, for people and for programs: on stderr, and whatever -q says."""
        for one in connection.warnings():
            print(f"WARNING: {one}", file=sys.stderr)

    def _trace(self, line: str) -> None:
        if self.verbose:
            print(line, file=sys.stderr)

    def other(self, env: str, *, patience: float = 0.0) -> Cluster:
        """The cluster of another environment, with the credentials of ESPLAN_FROM_*."""
        from esplan import config, live
        from esplan.cluster import Cluster

        found = config.other(env, os.environ, config=self.config)
        self._warn(found.connection)
        cluster = Cluster(found.connection, trace=self._trace, patience=patience)
        try:
            live.require_cluster(cluster, found.cluster_uuid)
        except BaseException:
            cluster.__exit__(None, None, None)
            raise
        return cluster

    def policy(self, cluster_uuid: str, *, outside: bool = False) -> Policy:
        """The rules of every environment that a plan for this cluster is for."""
        from esplan import config
        from esplan.policy import Policy

        return Policy(tuple(config.meant(self.env, cluster_uuid, config=self.config)), outside)

    def watch(self, plan: Plan, path: Path, policy: Policy, connection: Connection) -> Watch:
        """The windows and hooks of an apply; a hook gets no credential."""
        from esplan import config, hooks
        from esplan.watch import Watch

        own = (one for environment in policy.environments for one in environment.hooks)
        found = tuple(dict.fromkeys((*config.hooks_of_all(config=self.config), *own)))
        hooks.require_runnable(found)
        names = config.secret_variables(config=self.config) if found else ()
        environ = hooks.environment(os.environ, names, (connection.api_key, connection.password))
        return Watch(plan, path, policy, hooks=found, environ=environ)

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console; plain where colours are not wanted, wide where no terminal is."""
        from rich.console import Console

        no_color = None if self.color else True
        console = Console(stderr=stderr, highlight=False, soft_wrap=True, no_color=no_color)
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console.width = LOG_WIDTH
        return console

    def listener(
        self, plan: Plan | None = None, *, width: int = 1
    ) -> Bars | Lines | Events | Silent:
        """Progress as the reader of this run wants it. `width`: objects of the plan at a time."""
        from esplan.views import progress

        if self.json:
            return progress.Events(lambda line: print(f"{line}\n", end="", flush=True), plan, width)
        if self.quiet:
            return progress.Silent()
        console, looked_at = self.console(stderr=True), sys.stderr.isatty()
        return progress.listener(console, plan, width=width, looked_at=looked_at)

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Progress of a command that is one long piece of work, closed at its end."""
        from esplan.views.progress import Work

        work = Work(self.listener(), self.console(stderr=True))
        with closing(work):
            yield work

    def show(self, renderables: Iterable[RenderableType], *, stderr: bool = False) -> None:
        """Print what a view made."""
        console = self.console(stderr=stderr)
        for one in renderables:
            console.print(one)


def chosen(ctx: typer.Context) -> Globals:
    """The global options of this run."""
    found: Globals = ctx.obj
    return found


def result(given: Globals, line: RenderableType, event: str, parts: Mapping[str, object]) -> None:
    """The last word of a command: a line for people, an event for programs."""
    from esplan.views import progress

    if given.json:
        progress.Events(print).emit(event, **parts)
    else:
        given.show([line])
