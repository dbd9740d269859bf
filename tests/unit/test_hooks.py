"""Programs that are really run; how an apply calls them is in test_watch.py."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from esplan import hooks
from esplan.errors import Refused
from esplan.hooks import Hook, Ran
from esplan.views import hooks as view
from esplan.views.progress import Events

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EVENT = {"event": "before_step", "step": {"id": "03-reindex"}}
SECRET = "canary-5ecret"


def hook(folder: Path, script: str, timeout: float = 20, name: str = "hook.sh") -> Hook:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return Hook(name, folder, frozenset({"before_step"}), timeout)


def ran(one: Hook, event: dict[str, Any] = EVENT, **variables: str) -> Ran:
    return hooks.run(one, event, variables, {"PATH": os.environ["PATH"]})


def is_running(pid: int) -> bool:
    """After a moment: it takes one to die. A zombie does not run: nobody has waited for it yet."""
    for _ in range(200):
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return False
        except OSError:
            return False
        time.sleep(0.05)
    return True


def test_the_event_is_on_stdin_and_the_folder_is_that_of_the_configuration(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "cat; pwd; echo $ESPLAN_STEP; echo late >&2"), ESPLAN_STEP="03")
    whole = json.dumps(EVENT)
    assert found.output.splitlines() == [f"{whole}{tmp_path}", "03", "late"]
    assert (found.outcome, found.exit_code, found.on) == ("ok", 0, "before_step")
    assert (found.hook, found.step) == ("hook.sh", "03-reindex")


def test_an_event_that_nobody_reads(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "exec 0<&-; echo done"), {**EVENT, "long": "x" * 1_000_000})
    assert (found.outcome, found.output) == ("ok", "done\n")


def test_a_failing_hook_says_why_in_its_last_line(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "echo looking; echo 'the ticket is closed'; exit 3"))
    assert (found.outcome, found.exit_code) == ("failed", 3)
    assert found.why == "exit code 3: the ticket is closed"


def test_a_hook_that_a_signal_ends(tmp_path: Path) -> None:
    assert ran(hook(tmp_path, "kill -9 $$")).why == "exit code -9"


def test_a_hook_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    began = time.monotonic()
    slow = hook(tmp_path, "sleep 600 & echo $! > child; echo waiting; wait", timeout=2)
    found = ran(slow)
    assert time.monotonic() - began < 60
    assert (found.outcome, found.exit_code) == ("timed out", None)
    assert re.fullmatch(r"killed after \d+ s: waiting", found.why)
    assert not is_running(int((tmp_path / "child").read_text()))


def test_what_a_hook_leaves_behind_is_killed_and_not_waited_for(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "sleep 600 & echo $! > child; echo done", timeout=300))
    assert (found.outcome, found.output) == ("ok", "done\n")
    assert found.seconds < 60
    assert not is_running(int((tmp_path / "child").read_text()))


def test_what_leaves_its_process_group_is_not_waited_for(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "setsid sleep 20 & echo $! > child; echo done", timeout=300))
    assert (found.outcome, found.output) == ("ok", "done\n")
    assert found.seconds < 15


def test_output_without_end_is_cut_off(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "yes | head -c 5000000; exit 1"))
    assert len(found.output) == hooks.OUTPUT
    assert found.outcome == "failed"
    assert ran(hook(tmp_path, "yes", timeout=1)).outcome == "timed out"


def test_a_hook_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    found = ran(hook(tmp_path, "exec >&- 2>&-; sleep 0.3; exit 4"))
    assert (found.outcome, found.exit_code, found.output) == ("failed", 4, "")


@pytest.mark.parametrize("content", [b"\x00\x01no program", b"#!/no/such/interpreter\n"])
def test_what_is_no_program_is_not_started(tmp_path: Path, content: bytes) -> None:
    one = hook(tmp_path, "")
    one.path.write_bytes(content)
    found = ran(one)
    assert (found.outcome, found.exit_code) == ("not started", None)
    assert found.why.startswith("not started: ")


def test_names_from_elsewhere_are_plain_text_in_variables(tmp_path: Path) -> None:
    script = 'printf %s "$ESPLAN_ADDRESS"'
    found = ran(hook(tmp_path, script), ESPLAN_ADDRESS="alias.a\x1b[2J\x00\n$(id)")
    assert found.output == "alias.a?[2J??$(id)"
    assert len(ran(hook(tmp_path, script), ESPLAN_ADDRESS="x" * 200_000).output) == hooks.LONGEST


def test_a_hook_gets_no_credential() -> None:
    given = {
        "PATH": "/bin",
        "WEBHOOK_URL": "http://localhost/",
        "ESPLAN_API_KEY": SECRET,
        "ESPLAN_FROM_PASSWORD": "other",
        "ESPLAN_URL": "http://localhost:9200",
        "PROD_KEY": "unused",
        "PROD_KEY_FILE": "key.txt",
        "COPY": SECRET,
        "HEADER": f"ApiKey {SECRET}",
        "SHORT": "abc",
        "LONG": "xabcx",
    }
    found = hooks.environment(given, {"PROD_KEY"}, {SECRET, "abc", ""})
    assert found == {"PATH": "/bin", "WEBHOOK_URL": "http://localhost/", "LONG": "xabcx"}


def test_what_cannot_be_run_is_refused_before_anything(tmp_path: Path) -> None:
    plain = hook(tmp_path, "", name="plain.sh")
    plain.path.chmod(0o600)
    hooks.require_runnable([hook(tmp_path, "")])
    for one, why in ((Hook("none", tmp_path, frozenset()), "no such file"), (plain, "executable")):
        if os.geteuid() == 0 and one is plain:
            assert not plain.path.stat().st_mode & 0o111
        with pytest.raises(Refused, match=f"the hook {one.run} cannot be run") as caught:
            hooks.require_runnable([one])
        assert why in caught.value.why
        assert "chmod +x" in caught.value.remedy
    with pytest.raises(Refused):
        hooks.require_runnable([Hook(".", tmp_path, frozenset())])


def test_an_absolute_path(tmp_path: Path) -> None:
    assert Hook("/opt/hooks/x", tmp_path, frozenset()).path == Path("/opt/hooks/x")


# What is said of them


class Noted:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def said(one: Ran) -> list[str]:
    listener: Any = Noted()
    view.told(listener, one)
    return list(listener.notes)


def test_a_hook_that_has_nothing_to_say_is_not_spoken_of() -> None:
    assert said(Ran("h", "after_apply", "ok", 0, 0.1, "\n")) == []


def test_output_and_failures_are_notes() -> None:
    failed = "WARNING: the hook h failed on after_step 03-reindex: exit code 2: two"
    lines = said(Ran("h", "after_step", "failed", 2, 0.1, "one\n\ntwo\n", "03-reindex", "alias.a"))
    assert lines == [
        "h: one",
        "h: two",
        f"{failed}; the apply goes on as it is",
    ]
    last = said(Ran("h", "before_apply", "timed out", None, 60.0, ""))
    assert last == ["WARNING: the hook h failed on before_apply: killed after 60 s"]


def test_long_output_is_cut_off() -> None:
    lines = said(Ran("h", "after_apply", "ok", 0, 0.1, "\n".join("x" * 500 for _ in range(30))))
    assert len(lines) == view.LINES + 1
    assert max(map(len, lines)) < view.WIDTH + 10
    assert lines[-1] == "h: … and 10 more lines"


def test_events_have_everything() -> None:
    lines: list[str] = []
    view.told(Events(lines.append), Ran("h", "failure", "ok", 0, 0.1, "x", "", ""))
    assert [json.loads(line) for line in lines] == [
        {
            "format_version": "1.0",
            "event": "hook",
            "hook": "h",
            "on": "failure",
            "outcome": "ok",
            "exit_code": 0,
            "seconds": 0.1,
            "output": "x",
            "step": "",
            "address": "",
        }
    ]


# The example


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook: its address, and what was posted to it. It refuses what has no event."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posted.append(body)
            self.send_response(200 if body["event"]["event"] != "before_apply" else 403)
            self.end_headers()
            self.wfile.write(b"thank you")

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", posted
        server.shutdown()
        thread.join()


def test_the_webhook_of_the_docs(receiver: tuple[str, list[dict[str, Any]]]) -> None:
    url, posted = receiver
    one = Hook("webhook.py", ROOT / "docs" / "hooks", frozenset())
    about = {"environment": "prod", "cluster": {"name": "search"}}
    environ = {"PATH": os.environ["PATH"], "WEBHOOK_URL": url}
    event = {**about, "event": "failure", "error": {"what": "the copy is not equal"}}
    found = hooks.run(one, event, {}, environ)
    assert (found.outcome, found.output) == ("ok", "thank you\n")
    assert posted[0]["text"] == "esplan failure: prod: the copy is not equal"
    assert posted[0]["event"] == event
    refused = hooks.run(one, {**about, "event": "before_apply"}, {}, environ)
    assert refused.outcome == "failed"
    assert "the webhook was not told: <HTTPError 403" in refused.why
    assert "KeyError('WEBHOOK_URL')" in hooks.run(one, event, {}, {"PATH": environ["PATH"]}).why
