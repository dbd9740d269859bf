"""The answer of a server to one question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from esplan.errors import ServerError

if TYPE_CHECKING:
    from esplan.errors import EsplanError

NAME = re.compile(r"\[*esplan-oracle-[a-z]+(/[\w-]+\]*)?")

Verdict = Literal["agrees", "stricter", "disagrees", "lacking"]


@dataclass(frozen=True)
class Answer:
    """One question, what the rule says, what the server did, and whether that is the same.

    `stricter`: the server takes it in place; the rule does not, for the sake of documents that
    are there, and says so. `disagrees`: a defect of the rule. `lacking`: the server could not be
    asked, and its reason.
    """

    address: str
    question: str
    rule: str
    server: str
    verdict: Verdict


def warning(answer: Answer) -> str:
    """A disagreement in words. The route stays: what is reviewed is what the rules say."""
    return (
        f"{answer.address}: a rule of esplan is wrong here. {answer.question} The rule says: "
        f"{answer.rule}. The server says: {answer.server}. The plan goes by the rule all the same; "
        "please report this as a defect of esplan"
    )


def reason_of(error: EsplanError) -> str:
    """The server's reason without the request that it refused, and without the random name."""
    text = error.what if isinstance(error, ServerError) else error.why
    reason = " ".join((text.partition(": ")[2] or text).split())
    return NAME.sub("the throwaway", reason)[:300]
