"""The recipes of docs/ci: read as their service reads them, and run as far as that goes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import processes
import pytest
from command_lines import lines, problem
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterator

    from world import World

ROOT = Path(__file__).parents[1]
CI = ROOT / "docs" / "ci"
GITHUB = sorted(CI.glob("github-*.yml"))
JENKINS = CI / "Jenkinsfile"
GROOVY = re.compile(r"(?<=[( ])'''\n?(.*?)'''|\bsh '([^'\n]*)'", re.DOTALL)
EXPRESSION = re.compile(r"\$\{\{\s*([^}]*?)\s*\}\}")


@dataclass(frozen=True)
class Script:
    """What a recipe hands to a shell."""

    recipe: str
    job: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.recipe}:{self.job}:{self.name}"


def recipe(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    return loaded


def github(file: Path) -> Iterator[Script]:
    for job, body in recipe(file)["jobs"].items():
        for step in body["steps"]:
            if "run" in step:
                yield Script(file.name, job, step["name"], step["run"])


def gitlab() -> Iterator[Script]:
    """GitLab runs the lines of a script in one shell, which stops at the first that fails."""
    for job, body in recipe(CI / "gitlab-ci.yml").items():
        if isinstance(body, dict) and "script" in body:
            yield Script("gitlab-ci.yml", job, "script", "\n".join(body["script"]))


def jenkins() -> Iterator[Script]:
    for number, found in enumerate(GROOVY.finditer(JENKINS.read_text(encoding="utf-8"))):
        text = (found[1] or found[2]).replace("\\\\", "\\")
        yield Script("Jenkinsfile", "pipeline", str(number), text)


SCRIPTS = [*(one for file in GITHUB for one in github(file)), *gitlab(), *jenkins()]


def script(name: str) -> str:
    (found,) = (one.text for one in SCRIPTS if str(one) == name)
    return found


def test_there_are_recipes() -> None:
    assert len(SCRIPTS) >= 15
    assert {one.recipe for one in SCRIPTS} == {
        *("github-plan.yml", "github-apply.yml", "github-drift.yml", "gitlab-ci.yml", "Jenkinsfile")
    }
    words = "\n".join(one.text for one in SCRIPTS)
    assert [
        verb for verb in ("plan", "show", "apply", "drift") if f"esplan {verb}" not in words
    ] == []


@pytest.mark.parametrize("one", SCRIPTS, ids=str)
def test_a_shell_takes_it(one: Script) -> None:
    shell = "sh" if one.recipe == "Jenkinsfile" else "bash"
    checked = [str(Path(sys.executable).parent / "shellcheck"), "--shell", shell, "--enable", "all"]
    quiet = ["--exclude", "SC2250,SC2292,SC2312,SC2154,SC2310", "-"]
    for command in ([shell, "-n"], checked + quiet):
        ran = subprocess.run(command, input=one.text, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), command[0]


def test_shellcheck_finds_something() -> None:
    checked = [str(Path(sys.executable).parent / "shellcheck"), "--shell", "bash", "-"]
    ran = subprocess.run(checked, input="rm $1\n", capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "SC2086" in ran.stdout


@pytest.mark.parametrize("one", [s for s in SCRIPTS if list(lines(s.text))], ids=str)
def test_its_commands_exist(one: Script) -> None:
    assert [said for line in lines(one.text) if (said := problem(line))] == []


def test_a_command_that_does_not_exist_is_found() -> None:
    (line,) = lines('if x; then esplan plan --formt text > "$F" || code=$?; fi')
    assert "No such option: --formt" in problem(line)
    assert "not one of" in problem("esplan drift -d x --format yaml")


@pytest.mark.parametrize("file", GITHUB, ids=lambda file: file.name)
def test_a_workflow_is_safe(file: Path) -> None:
    """Nothing that others can choose gets into a shell; no more rights than needed."""
    loaded = recipe(file)
    assert loaded["permissions"]["contents"] == "read"
    assert [str(one) for one in github(file) if EXPRESSION.search(one.text)] == []
    uses = re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))
    assert [one for one in uses if not re.fullmatch(r"actions/[a-z-]+@v\d+", one)] == []
    known = {"github", "secrets", "steps", "needs"}
    said = EXPRESSION.findall(file.read_text(encoding="utf-8"))
    assert {one.partition(".")[0] for one in said} <= known


def test_only_the_job_behind_the_approval_has_the_key_to_apply() -> None:
    jobs = recipe(CI / "github-apply.yml")["jobs"]
    keys = {job: body["env"]["ESPLAN_API_KEY"] for job, body in jobs.items()}
    assert "APPLY" not in keys["plan"]
    assert "APPLY" in keys["apply"]
    assert jobs["apply"]["environment"] == "production"
    applying = [str(one) for one in SCRIPTS if "esplan apply" in one.text]
    assert [name for name in applying if "apply" not in name and "Jenkins" not in name] == []


def test_the_jenkinsfile_is_balanced() -> None:
    text = re.sub(GROOVY, "", JENKINS.read_text(encoding="utf-8"))
    text = re.sub(r"//.*", "", re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "", text))
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)
    assert re.search(r'input message: ".*\$\{env\.DIGEST\}', JENKINS.read_text(encoding="utf-8"))


# As on a runner, against a real server


GH = '''#!{python}
"""What `gh api` does with comments, on a file: comments.json. calls.txt says what was asked."""
import json, sys, jq
words = sys.argv[1:]
assert words.pop(0) == "api", sys.argv
known = json.load(open("{folder}/comments.json"))
method = words[words.index("--method") + 1] if "--method" in words else "GET"
path = next(word for word in words if word.startswith("repos/team/search/issues"))
open("{folder}/calls.txt", "a").write(f"{{method}} {{path}}\\n")
if method == "GET":
    found = jq.compile(words[words.index("--jq") + 1]).input_value(known).all()
    print(*found, sep="\\n", end="\\n" if found else "")
    sys.exit()
field, _, file = words[words.index("-F") + 1].partition("=@")
body = open(file).read()
assert field == "body" and len(body) <= 65536
if method == "POST":
    assert path.endswith("/issues/7/comments")
    made = max((one["id"] for one in known), default=100) + 1
    known.append({{"id": made, "user": {{"type": "Bot"}}, "body": body}})
else:
    (one,) = [one for one in known if path.endswith(f"/issues/comments/{{one['id']}}")]
    one["body"] = body
json.dump(known, open("{folder}/comments.json", "w"))
'''


class Runner:
    """A checkout on a runner of a service: a folder with the files of a team."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = world.folder
        self.variables: dict[str, str] = {"ESPLAN_ENVIRONMENT": "prod"}
        configured = {"version": 1, "environments": {"prod": {"url": world.url}}}
        (self.folder / "esplan.yaml").write_text(json.dumps(configured), encoding="utf-8")
        (self.folder / "desired").mkdir()
        self._program("esplan", f'#!/bin/sh\nexec "{sys.executable}" -m esplan "$@"\n')

    def _program(self, name: str, text: str) -> None:
        file = self.folder / ".bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)

    def with_gh(self) -> None:
        (self.folder / "comments.json").write_text("[]", encoding="utf-8")
        self._program("gh", GH.format(python=sys.executable, folder=self.folder))
        self.variables |= {"GITHUB_REPOSITORY": "team/search", "NUMBER": "7"}
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            self.variables[name] = str(self.folder / name)

    def desire(self, **settings: Any) -> None:
        """The alias is to have these settings; it is made by the first apply."""
        name = self.world.name
        index = {"name": f"{name}_{{color}}", "settings": {"number_of_replicas": 0, **settings}}
        body = {"version": 1, "aliases": {name: {"index": index}}}
        text = json.dumps(body, indent=2)
        (self.folder / "desired" / "one.json").write_text(text, encoding="utf-8")

    def run(self, name: str, role: str = "plan") -> subprocess.CompletedProcess[str]:
        """One script as the service runs it: a shell that stops at the first failure."""
        paths = f"{self.folder / '.bin'}:{os.environ['PATH']}"
        signed = ["plan", "-d", "desired"] if role == "plan" else ["apply", "plans/change.json"]
        given = processes.environment(signed) | self.variables
        options = (
            [] if name.startswith("Jenkinsfile") else ["--noprofile", "--norc", "-eo", "pipefail"]
        )
        shell = "sh" if name.startswith("Jenkinsfile") else "bash"
        return subprocess.run(
            [shell, *options, "-c", script(name)],
            cwd=self.folder,
            env={**given, "PATH": paths, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    def ok(self, name: str, role: str = "plan") -> str:
        ran = self.run(name, role)
        assert ran.returncode == 0, f"{name}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def output(self, name: str) -> str:
        """What a step of GitHub Actions has handed on."""
        text = Path(self.variables["GITHUB_OUTPUT"]).read_text(encoding="utf-8")
        return dict(line.split("=", 1) for line in text.splitlines()).get(name, "")

    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "comments.json").read_text())
        return found

    def calls(self) -> list[str]:
        return [line.split()[0] for line in (self.folder / "calls.txt").read_text().splitlines()]


@pytest.fixture
def runner(world: World) -> Runner:
    return Runner(world)


@pytest.mark.live
def test_a_pull_request_has_one_comment_and_each_push_renews_it(runner: Runner) -> None:
    runner.with_gh()
    person = {"id": 3, "user": {"type": "User"}, "body": "<!-- esplan plan -->\nmine"}
    other = {"id": 4, "user": {"type": "Bot"}, "body": "coverage: 100 %"}
    (runner.folder / "comments.json").write_text(json.dumps([person, other]))
    runner.desire()
    for step in ("Plan", "Comment"):
        runner.ok(f"github-plan.yml:plan:{step}")
    assert runner.output("code") == "2"
    first = runner.comments()[-1]
    assert first["body"].startswith("<!-- esplan plan -->\n")
    assert f"alias.{runner.world.name}" in first["body"]
    assert "refresh_interval" not in first["body"]
    assert "alias" in Path(runner.variables["GITHUB_STEP_SUMMARY"]).read_text()

    runner.desire(refresh_interval="7s")  # another push
    for step in ("Plan", "Comment"):
        runner.ok(f"github-plan.yml:plan:{step}")
    assert runner.calls() == ["GET", "POST", "GET", "PATCH"]
    *rest, second = runner.comments()
    assert rest == [person, other]
    assert second["id"] == first["id"]
    assert "refresh_interval" in second["body"]
    runner.variables["CODE"] = runner.output("code")
    runner.ok("github-plan.yml:plan:Result")


@pytest.mark.live
def test_a_pull_request_without_a_plan_says_why_and_fails(runner: Runner) -> None:
    runner.with_gh()
    (runner.folder / "desired" / "one.yaml").write_text("version: 1\naliases: {a: {indx: {}}}\n")
    for step in ("Plan", "Comment"):
        runner.ok(f"github-plan.yml:plan:{step}")
    (made,) = runner.comments()
    assert "**No plan** (exit code 1)" in made["body"]
    runner.variables["CODE"] = runner.output("code")
    assert runner.run("github-plan.yml:plan:Result").returncode == 1


@pytest.mark.live
def test_the_plan_that_was_approved_is_applied_and_drift_is_found(runner: Runner) -> None:
    runner.with_gh()
    runner.desire(refresh_interval="7s")
    runner.ok("github-apply.yml:plan:Plan")
    assert runner.output("code") == "2"
    runner.variables["DIGEST"] = "0" * 64
    assert runner.run("github-apply.yml:apply:Apply", "apply").returncode == 4
    runner.variables["DIGEST"] = runner.output("digest")
    runner.ok("github-apply.yml:apply:Apply", "apply")
    said = runner.ok("github-drift.yml:drift:Drift")
    assert said.startswith("::notice title=esplan drift::No drift")
    runner.ok("github-apply.yml:plan:Plan")  # nothing is left to do
    assert runner.output("code") == "0"

    by_hand = {"index": {"refresh_interval": "1s"}}
    runner.world.cluster.change("PUT", f"/{runner.world.green}/_settings", None, by_hand)
    found = runner.run("github-drift.yml:drift:Drift")
    assert found.returncode == 2, found.stderr
    assert re.search(r"^::warning file=desired/one\.json,line=\d+,col=\d+,", found.stdout)
    assert "| changed |" in Path(runner.variables["GITHUB_STEP_SUMMARY"]).read_text()


class GitLab(BaseHTTPRequestHandler):
    """The notes of a merge request, as GitLab's API has them."""

    notes: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[str]] = []
    HERE = "/api/v4/projects/12/merge_requests/3/notes"

    def _answer(self, body: object) -> None:
        self.asked.append(self.command)
        assert self.headers["PRIVATE-TOKEN"] == "token"
        sent = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def _given(self) -> str:
        text: str = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        return text

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?per_page=100&page=")
        assert path == self.HERE
        start = (int(query) - 1) * 100
        self._answer(self.notes[start : start + 100])

    def do_POST(self) -> None:
        assert self.path == self.HERE
        self.notes.append({"id": 1000 + len(self.notes), "body": self._given()})
        self._answer(self.notes[-1])

    def do_PUT(self) -> None:
        (one,) = (one for one in self.notes if self.path == f"{self.HERE}/{one['id']}")
        one["body"] = self._given()
        self._answer(one)

    def log_message(self, *_words: object) -> None:
        """Nothing: the tests look at what was asked."""


@pytest.fixture
def gitlab_url() -> Iterator[str]:
    GitLab.notes, GitLab.asked = [{"id": n, "body": "a word"} for n in range(150)], []
    with ThreadingHTTPServer(("127.0.0.1", 0), GitLab) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v4"
        server.shutdown()
        thread.join()


def note(folder: Path, url: str) -> None:
    given = {"CI_API_V4_URL": url, "CI_PROJECT_ID": "12", "CI_MERGE_REQUEST_IID": "3"}
    ran = [sys.executable, str(CI / "gitlab_note.py"), "plan.md"]
    subprocess.run(ran, cwd=folder, env={**given, "GITLAB_NOTE_TOKEN": "token"}, check=True)


def test_a_merge_request_has_one_note_and_each_push_renews_it(
    tmp_path: Path, gitlab_url: str
) -> None:
    file = tmp_path / "plan.md"
    file.write_text("the first plan → one")
    note(tmp_path, gitlab_url)
    assert GitLab.notes[-1]["body"] == "<!-- esplan plan -->\nthe first plan → one"
    file.write_text("the second plan")
    note(tmp_path, gitlab_url)
    assert GitLab.asked == ["GET", "GET", "POST", "GET", "GET", "PUT"]
    assert len(GitLab.notes) == 151
    assert GitLab.notes[-1]["body"].endswith("the second plan")


@pytest.mark.live
def test_a_pipeline_of_gitlab(runner: Runner, gitlab_url: str) -> None:
    copied = runner.folder / "ci"
    copied.mkdir()
    (copied / "gitlab_note.py").write_text((CI / "gitlab_note.py").read_text(encoding="utf-8"))
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    runner._program("python", python)
    runner.desire(refresh_interval="7s")
    runner.variables |= {"CI_API_V4_URL": gitlab_url, "CI_PROJECT_ID": "12"}
    runner.variables |= {"CI_MERGE_REQUEST_IID": "3", "GITLAB_NOTE_TOKEN": "token"}
    runner.ok("gitlab-ci.yml:plan:script")
    assert f"alias.{runner.world.name}" in GitLab.notes[-1]["body"]
    name, _, digest = (runner.folder / "plan.env").read_text().strip().partition("=")
    assert name == "DIGEST"
    runner.variables["DIGEST"] = digest
    runner.ok("gitlab-ci.yml:apply:script", "apply")
    runner.ok("gitlab-ci.yml:drift:script")
    assert junit(runner.folder / "drift.xml") == {f"alias.{runner.world.name}": ""}
    by_hand = {"index": {"refresh_interval": "1s"}}
    runner.world.cluster.change("PUT", f"/{runner.world.green}/_settings", None, by_hand)
    assert runner.run("gitlab-ci.yml:drift:script").returncode == 2
    (failure,) = junit(runner.folder / "drift.xml").values()
    assert "refresh_interval" in failure


def junit(file: Path) -> dict[str, str]:
    """Test case → failure, of a report that is as the readers of JUnit reports expect it."""
    root = ET.parse(file).getroot()
    assert root.tag == "testsuites"
    found: dict[str, str] = {}
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.attrib["name"]
        cases = list(suite)
        failing = [one for one in cases if one.find("failure") is not None]
        counted = [int(suite.attrib[key]) for key in ("tests", "failures", "errors", "skipped")]
        assert counted == [len(cases), len(failing), 0, 0]
        for one in cases:
            assert one.tag == "testcase"
            assert one.attrib["classname"]
            failure = one.find("failure")
            assert failure is None or failure.attrib["message"]
            found[one.attrib["name"]] = "" if failure is None else failure.text or ""
    return found


@pytest.mark.live
def test_a_pipeline_of_jenkins(runner: Runner) -> None:
    planned, shown, digested, applied, drifted = (str(one) for one in jenkins())
    runner.desire(refresh_interval="7s")
    assert runner.run(planned).returncode == 2
    runner.ok(shown)
    assert "<html" in (runner.folder / "plan.html").read_text(encoding="utf-8")
    runner.variables["DIGEST"] = runner.ok(digested).strip()
    runner.ok(applied, "apply")
    runner.ok(drifted)
    assert junit(runner.folder / "drift.xml") == {f"alias.{runner.world.name}": ""}
    assert runner.run(planned).returncode == 0
