"""A proxy in which something happens just before one request, and one history of it."""

from __future__ import annotations

import json
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import processes
from proxy import Answer, Asked, Proxy, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from acts import Act
    from ledger import Ledger, Server
    from plots import Plot
    from world import World

MOST = 4
"""How often a user applies again who is told to."""

LOCKED = 5


@dataclass(frozen=True)
class Moment:
    """Just before a request, and what is there then. `number` counts them.

    `name`: `(between)` is before a command of its own. `on`: `source`, `target` or
    nothing, by where the alias is. `switch`, `delete`: it is that request.
    """

    number: int
    name: str
    nth: int
    path: str = ""
    blocked: bool = False
    on: str = ""
    source: bool = False
    target: bool = False
    switch: bool = False
    delete: bool = False

    def __str__(self) -> str:
        return f"{self.number}: {self.name} #{self.nth}"


def nothing(_asked: Asked) -> bool:
    """The user may do what esplan does."""
    return False


@dataclass
class Gate(Proxy):
    """`before` is called with each request's name and number, and says what to do after it.

    What it returns is called when the answer is there; DROP in its place loses the request.
    `is_denied`: what the cluster refuses the user.
    """

    before: Callable[[Asked, int], Any] = lambda _asked, _nth: None
    is_denied: Callable[[Asked], bool] = nothing

    def exchange(self, asked: Asked, forward: Callable[[], Answer]) -> Answer | None:
        after = self.before(asked, self.count(asked))
        if after is DROP:
            return None
        answer = self._kept(asked, DENIED if self.is_denied(asked) else forward())
        if after is not None and after() is DROP:
            return None
        return answer


DROP = object()
_REASON = {"type": "security_exception", "reason": "action is unauthorized for user [trial]"}
DENIED = Answer(
    403, json.dumps({"error": {"root_cause": [_REASON], **_REASON}, "status": 403}).encode()
)
"""As a cluster with security says it (8.16.1)."""


@dataclass
class Said:
    """A command that has ended."""

    arguments: tuple[str, ...]
    code: int
    text: str

    def __str__(self) -> str:
        lines = [one for one in self.text.splitlines() if not one.startswith(("  done:", "["))]
        return "\n".join([f"$ esplan {' '.join(self.arguments)}", *lines, f"exit code {self.code}"])


@dataclass
class Story:
    """One history: a plot in a world of its own, and what happens at one moment of it.

    `last_look`, `locked`: the numbers of the last request that looks at the alias, and of the first
    under the lock. `renewed`: another plan was made after the first one had failed. `countdown`:
    the request of the second command at which that is killed, too.
    """

    world: World
    plot: Plot
    gate: Gate
    server: Server
    ledgers: list[Ledger]
    at: Moment | None = None
    act: Act | None = None
    met: bool = False
    killed: bool = False
    renewed: bool = False
    last_look: int = 1_000_000
    locked: int = 0
    said: list[Said] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    at_act: dict[str, Any] = field(default_factory=dict)
    process: processes.Process | None = None
    countdown: int = 0
    moments: list[Moment] = field(default_factory=list)
    looking: bool = False
    check: Callable[[Story, Said], None] = lambda _story, _said: None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ledger(self) -> Ledger:
        """Of the alias that this is about."""
        return self.ledgers[(self.at.number if self.at else 0) % len(self.ledgers)]

    @property
    def pair(self) -> tuple[str, str, str]:
        """Its alias, and the indices that it is on before and after."""
        return self.plot.pairs(self.world)[self.ledgers.index(self.ledger)]

    def tell(self) -> None:
        """Every command, and what esplan says to do."""
        known = ((self.world.name, "NAME"),)
        self.gate.begin(names(*known), None, lambda _asked: None)
        self.gate.before = self._before
        for number, command in enumerate(self.plot.commands(self.world)):
            self._between(number)
            if self.carried_out(command) != 0:
                break
        for ledger in self.ledgers:
            ledger.settle()

    def carried_out(self, command: tuple[str, ...]) -> int:
        """Until it has ended as it should: stopped is not the end."""
        code = self.run(command)
        if self.killed and code == -signal.SIGKILL:
            assert self.act
            self._do()
            command = self.act.then or command
            self.countdown = 1 + self.at.number % 50 if self.act.again and self.at else 0
            code = self.run(command)
            if code == -signal.SIGKILL:
                code = self.run(command)
        for _ in range(MOST):
            if code not in (3, LOCKED):
                return code
            if self.act and self.act.cure:
                self.act.cure(self)
            code = self.run(command)
        self.wrong.append(("code", f"exit code {code} for ever: what it says to do does not help"))
        return code

    def run(self, command: tuple[str, ...], url: str = "") -> int:
        """Through the proxy, or straight to the server."""
        arguments = (part.replace("PLAN", str(self.world.plan)) for part in command)
        line = [str(self.gate.silent), "--url", url or self.gate.url, *arguments]
        process = processes.start(line, "faulty:main")
        self.process = None if url else process
        try:
            code = process.wait()
            said = Said(command, code, "".join(process.output()))
        finally:
            process.close()
        self.said.append(said)
        self.check(self, said)
        return code

    def kill(self) -> None:
        while self.process is None:
            time.sleep(0.001)
        self.killed = True
        self.process.send(signal.SIGKILL)

    # In the proxy

    def _between(self, number: int) -> None:
        """Before a command of its own: as if days had passed."""
        if number and self.looking:
            self._look(Asked("(between)", "", "", b""), number)
        if number and self.at and (self.at.name, self.at.nth) == ("(between)", number):
            self.met = True
            self._do()

    def _before(self, asked: Asked, nth: int) -> Any:
        with self._turn:
            if self.looking:
                self._look(asked, nth)
            if self.countdown and self._counts_down():
                return self._dies()
            at = self.at
            if at is None or self.met or (at.name, at.nth) != (asked.name, nth):
                return None
            self.met = True
        assert self.act
        if self.act.kills:
            if self.act.late:
                return self._dies
            return self._dies()
        return self._do()

    def _counts_down(self) -> bool:
        self.countdown -= 1
        return self.countdown == 0

    def _dies(self) -> object:
        self.kill()
        return DROP

    def _do(self) -> Any:
        assert self.act
        self.at_act = self.world.everything()
        return self.act.do(self)

    def _look(self, asked: Asked, nth: int) -> None:
        """What is there at this moment."""
        found = self.world.everything()
        alias, source, target = self.pair
        on = [name for name, one in found.items() if alias in one["aliases"]]
        blocks = found.get(source, {}).get("settings", {}).get("index", {}).get("blocks", {})
        actions = asked.body.decode() if asked.path == "/_aliases" else ""
        self.moments.append(
            Moment(
                len(self.moments),
                asked.name,
                nth,
                asked.path,
                str(blocks.get("write")) == "true",
                {(source,): "source", (target,): "target"}.get(tuple(on), ""),
                source in found,
                target in found,
                switch=f'"{alias}"' in actions,
                delete="remove_index" in actions,
            )
        )
