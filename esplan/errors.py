"""Every error esplan raises for something a user can cause.

    EsplanError                  1    an error
    ├── UsageError              64    the command line is wrong
    ├── InvalidInput             1    files with diagnostics
    ├── ServerError              1    the server answered with an error
    ├── Unreachable              1    no answer from the server
    │   ├── Incomplete           1    a shard is missing at this moment
    │   └── OutcomeUnknown       1    a change was sent, and no answer came back
    │       └── ViewLost         1    the server has forgotten a point in time
    ├── Forbidden                1    the user may not make throwaway indices
    ├── StepFailed               1    a step of an apply did not succeed
    ├── PartlyFailed             1    apply --keep-going: or the code of the first failure
    ├── JournalError             1    the journal cannot be read or written
    ├── Refused                  4    not safe, so not done
    │   ├── InvalidRunIds        4    run ids that are no points in time, or not one each
    │   └── VerificationFailed   4    the copy is not equal to its source
    ├── Stopped                  3    an apply stopped part-way and can be resumed
    │   └── Halted               3    an object stopped, because another one failed beside it
    └── Locked                   5    another apply holds the lock

An error says what went wrong, where, why, what to do about it, and a code that never changes:
`esplan explain CODE` says more (`esplan/codes`). `cli.py` maps it to the exit code beside its
class; nothing else exits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from esplan.codes import Coded


class EsplanError(Exception):
    """Something a user can cause or cure: what, where, why, and the remedy."""

    exit_code = 1

    def __init__(
        self, what: str, *, code: Coded = "", where: str = "", why: str = "", remedy: str = ""
    ) -> None:
        """Take the parts, all of them plain text. Whatever esplan itself raises has a `code`."""
        super().__init__(what)
        self.what, self.where, self.why, self.remedy = what, where, why, remedy
        self.code: Coded = code

    def __str__(self) -> str:
        """All parts, a line each, as a log or a test reads them."""
        parts = (self.what, self.where, self.why, self.remedy, self.code)
        return "\n".join(part for part in parts if part)


class UsageError(EsplanError):
    """The command line is wrong."""

    exit_code = 64


@dataclass(frozen=True, order=True)
class Diagnostic:
    """A problem in an input file. `line` and `column` count from 1; `path` is a JSON path."""

    file: str
    line: int
    column: int
    message: str
    path: str = "$"
    remedy: str = ""
    code: Coded = ""

    def __str__(self) -> str:
        """The form that editors and CI logs make clickable."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class InvalidInput(EsplanError):
    """One or more files do not say something esplan can use. Carries every diagnostic."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keep the diagnostics in the order of their files and lines."""
        count = len(diagnostics)
        what = f"{count} error{'' if count == 1 else 's'} in the input files"
        super().__init__(what, code="ESP-2001")
        self.diagnostics = tuple(sorted(diagnostics))


FORBIDDEN = 403
"""The status where the credentials lack a privilege; or, see `BLOCKED`, of a block."""

BLOCKED = "cluster_block_exception"
"""The type of a ServerError whose cause is a block, not a privilege, though its status is 403."""

TIMED_OUT = frozenset({"timeout_exception", "receive_timeout_transport_exception"})
"""Types of a ServerError that says that a wait is over: HTTP 500, and 429 from version 9 on."""


class ServerError(EsplanError):
    """The server answered with an error: `status`, the `type` it gave, and its whole `answer`."""

    def __init__(
        self,
        what: str,
        *,
        status: int,
        type_: str = "",
        answer: Mapping[str, Any] | None = None,
        code: Coded = "",
        **parts: str,
    ) -> None:
        """Keep what the callers decide by."""
        super().__init__(what, code=code, **parts)
        self.status, self.type, self.answer = status, type_, answer or {}


class Unreachable(EsplanError):
    """No answer: refused, reset, timed out, not an Elasticsearch."""


class OutcomeUnknown(Unreachable):
    """A change was sent and no trustworthy answer came: it may or may not have been carried out.

    `refusal`: what the server has said, where it has said something.
    """

    refusal: ServerError | None = None


class Incomplete(Unreachable):
    """A shard is missing at this moment: what is in it cannot be known, and may come back."""


class ViewLost(OutcomeUnknown):
    """A point in time is not there any more: what was seen in it has to be looked at again."""


class Forbidden(EsplanError):
    """The user may not make throwaway indices: nothing could be tried."""


class StepFailed(EsplanError):
    """A step of an apply did not succeed, and the reason is known."""


class PartlyFailed(EsplanError):
    """Some objects of a plan failed, and the others were gone on with."""

    def __init__(self, what: str, *, exit_code: int, code: Coded = "", **parts: str) -> None:
        """The exit code is that of the first failure."""
        super().__init__(what, code=code, **parts)
        self.exit_code = exit_code


class JournalError(EsplanError):
    """The journal cannot be read, trusted or written."""


class Refused(EsplanError):
    """Not safe, so not done."""

    exit_code = 4


class InvalidRunIds(Refused, ValueError):
    """Run ids that cannot be put in order: unreadable, in the future, or two for one instant."""


class VerificationFailed(Refused):
    """The copy is not equal to its source."""


class Stopped(EsplanError):
    """An apply stopped part-way; applying the same plan again goes on from there."""

    exit_code = 3


class Halted(Stopped):
    """Another object has failed, so this one stops where it is."""


class Locked(EsplanError):
    """Another apply holds the cluster's lock."""

    exit_code = 5
