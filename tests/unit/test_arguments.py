from __future__ import annotations

import pytest

from esplan.arguments import arranged
from esplan.errors import UsageError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        (["plan", "-d", "x"], ["plan", "-d", "x"]),
        (["plan", "--url", "u", "-d", "x"], ["--url", "u", "plan", "-d", "x"]),
        (["plan", "-d", "x", "--url=u"], ["--url=u", "plan", "-d", "x"]),
        (["status", "--json", "-v"], ["--json", "-v", "status"]),
        (["--env", "dev", "status", "-q"], ["--env", "dev", "-q", "status"]),
        (
            ["show", "p", "--config", "c", "--no-color"],
            ["--config", "c", "--no-color", "show", "p"],
        ),
        (["plan", "-d", "x", "-o"], ["plan", "-d", "x", "-o", "-"]),
        (["plan", "-o", "-d", "x"], ["plan", "-o", "-", "-d", "x"]),
        (["plan", "-o", "f", "-d", "x"], ["plan", "-o", "f", "-d", "x"]),
        (["plan", "--output", "--json"], ["--json", "plan", "--output", "-"]),
        (["show", "--", "--json"], ["show", "--", "--json"]),
        (["plan", "--url", "--json"], ["--url", "--json", "plan"]),
        (["plan", "--target", "alias.a"], ["plan", "--target", "alias.a"]),
    ],
)
def test_global_options_go_first(given: list[str], expected: list[str]) -> None:
    assert arranged(given) == expected


def test_a_global_option_needs_its_value() -> None:
    with pytest.raises(UsageError, match="Option '--url' requires an argument"):
        arranged(["status", "--url"])


def test_the_given_list_stays_as_it_is() -> None:
    arguments = ["plan", "-o", "--json"]
    arranged(arguments)
    assert arguments == ["plan", "-o", "--json"]
