"""Every script of a plan is shown whole before anybody consents to it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from esplan.plan import Plan, Step
from esplan.views.scripts import scripts

SCRIPT = {"source": "ctx._source.a = 1;\n// the end", "params": {"b": 2}}


def step(body: Any, **arguments: Any) -> Step:
    request = {"method": "POST", "path": "/_reindex", "body": body}
    return Step("reindex", "switch", "alias.a", "copy", request=request, arguments=arguments)


def shown(*steps: Step) -> str:
    out = io.StringIO()
    plan = Plan("0" * 16, "2026-01-01T00:00:00+00:00", "0.1.0", {}, "d" * 64, steps=steps)
    console = Console(file=out, width=100, no_color=True, highlight=False, soft_wrap=True)
    for one in scripts(plan):
        console.print(one)
    return out.getvalue()


def test_all_its_lines_and_its_parameters() -> None:
    assert shown(step({"script": SCRIPT})) == (
        "\nScripts\n"
        "  painless, in step 1\n"
        "    | ctx._source.a = 1;\n"
        "    | // the end\n"
        '    params: {"b": 2}\n'
    )


def test_the_same_one_in_several_steps_is_shown_once() -> None:
    found = shown(
        step({"script": {"lang": "painless", **SCRIPT}}), step({}, reading=[{"script": SCRIPT}])
    )
    assert "in steps 1, 2\n" in found
    assert found.count("the end") == 1


def test_a_runtime_field_and_a_stored_script() -> None:
    runtime = {"mappings": {"runtime": {"day": {"type": "long", "script": {"source": "emit(1)"}}}}}
    found = shown(step(runtime), step({"script": {"id": "mine"}}))
    assert "    | emit(1)\n" in found
    assert "    stored in the cluster as mine\n" in found


def test_a_field_of_that_name_is_none() -> None:
    fields = {"script": {"type": "keyword"}, "a": {"properties": {"script": {"properties": {}}}}}
    assert shown(step({"mappings": {"properties": fields}})) == ""


def test_nothing_in_it_steers_a_terminal() -> None:
    found = shown(step({"script": {"source": "a\x1b[2Jb\rc", "params": {"d": "\x1b"}}}))
    assert "\x1b" not in found
    assert "\\x1b[2Jb" in found
    assert "    | c\n" in found
