"""Whatever stands in a file: a message and an exit code; no traceback, no request, no memory.

Files are valid ones of the tests and the documentation, changed at random (mutations.py), and the
worst ones that are known by name.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from mutations import NAMES, Mutator

from esplan import cli, journal, planfile, source
from esplan.errors import EsplanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Scale, Tally

TRIAL = "inputs"

ROOT = Path(__file__).parents[2]
DESIRED = [
    file.read_bytes()
    for pattern in ("tests/cases/*/desired.yaml", "tests/cases/invalid/*.yaml", "docs/**/*.yaml")
    for file in sorted(ROOT.glob(pattern))
]
PLANS = [file.read_bytes() for file in sorted(ROOT.glob("tests/cases/*/plan.json"))]
CONFIG = (ROOT / "docs/releases/esplan.yaml").read_bytes()
JOB = b"""{"abort_run": "False", "alias_name": "customer-prod", "data_source": "customer",
"delete_old": "True", "forcemerge_new": "True", "index_base": "customer-2_0_0", "new_replicas": "1"}
"""
CORPUS = [*DESIRED, *PLANS, CONFIG, JOB]

SLOWEST = 20.0
"""Seconds for one file, on a machine that does other things too."""

MEMORY = 512 * 1024
"""KiB that all of it may need beside what was there before."""


def as_json(content: bytes) -> bytes:
    """The same as JSON, whose structure can be changed; what cannot be read stays as it is."""
    try:
        return json.dumps(source.parse("x.yaml", content).data).encode()
    except EsplanError:
        return content


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Not one attempt, also where its failure would be handled."""
    tried: list[Any] = []

    def refuse(*arguments: Any, **_options: Any) -> None:
        tried.append(arguments)
        raise OSError("no network here")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert tried == []


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY


@pytest.fixture
def command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[str], set[int]], tuple[int, str]]:
    """Run a command line here; its exit code must be one of those."""

    def run(arguments: list[str], codes: set[int]) -> tuple[int, str]:
        started = time.monotonic()
        code = cli.run(arguments)  # a traceback is an exception here
        said = capsys.readouterr()
        assert time.monotonic() - started < SLOWEST
        assert code in codes, f"{code}: {said.out}{said.err}"
        assert code == 0 or said.err.startswith("Error ESP-"), said.err
        return code, said.out + said.err

    assert folder == Path.cwd()
    return run


# Changed at random


def wrong_desired(mutator: Mutator) -> tuple[list[str], set[int]]:
    content = mutator.random.choice(DESIRED)
    kept = as_json(content) if mutator.random.random() < 0.5 else content
    name = mutator.random.choice(("desired.yaml", "desired.json"))
    Path(name).write_bytes(mutator.mutated(kept))
    return ["validate", name], {0, 1}


def wrong_plan(mutator: Mutator) -> tuple[list[str], set[int]]:
    Path("plan.json").write_bytes(mutator.mutated(mutator.random.choice(PLANS)))
    return ["show", "plan.json"], {0, 1, 4}


def sealed_plan(mutator: Mutator) -> tuple[list[str], set[int]]:
    """With the right digest: whoever can write the file can compute that."""
    raw = mutator.replaced(json.loads(mutator.random.choice(PLANS)))
    if isinstance(raw, dict):
        try:
            raw["digest"] = planfile._digest(raw)
        except ValueError:  # half of a surrogate pair: no digest can be made
            raw["digest"] = "0" * 64
    try:
        text = planfile.canonical(raw).encode()
    except ValueError:
        text = json.dumps(raw).encode()
    Path("plan.json").write_bytes(text)
    return ["show", "plan.json"], {0, 1, 4}


def wrong_job(mutator: Mutator) -> tuple[list[str], set[int]]:
    Path("job.json").write_bytes(mutator.mutated(JOB))
    return ["job", "convert", "job.json"], {0, 1, 4, 64}


def wrong_config(mutator: Mutator) -> tuple[list[str], set[int]]:
    kept = as_json(CONFIG) if mutator.random.random() < 0.5 else CONFIG
    Path("esplan.yaml").write_bytes(mutator.mutated(kept))
    Path("desired.yaml").write_bytes(DESIRED[0])
    return ["--env", "prod", "validate", "desired.yaml"], {0, 1, 64}


@pytest.mark.parametrize("wrong", [wrong_desired, wrong_plan, sealed_plan, wrong_job, wrong_config])
def test_files_changed_at_random(
    command: Callable[[list[str], set[int]], tuple[int, str]],
    scale: Scale,
    tally: Tally,
    wrong: Callable[[Mutator], tuple[list[str], set[int]]],
) -> None:
    refused = 0
    count = scale(150, 1800)
    for seed in range(count):
        arguments, codes = wrong(Mutator(Random(seed), CORPUS))
        try:
            refused += command(arguments, codes)[0] != 0
        except Exception as error:
            raise AssertionError(f"{wrong.__name__}, seed {seed}") from error
    assert count / 4 < refused, "hardly anything was wrong: the trial tries nothing"
    tally.add(TRIAL, files=count, refused=refused, tracebacks=0, requests=0)


def test_journals_changed_at_random(folder: Path, scale: Scale, tally: Tally) -> None:
    """Read beside a plan, and set aside for a new one."""
    digest, count, refused = "d" * 64, scale(250, 1500), 0
    path = journal.beside(folder / "plan.json")
    made = journal.Journal(path)
    made.append("start", data={"plan": digest, "host": "höst", "pid": 1})
    made.append("intent", "01-put_mapping")
    made.append("done", "01-put_mapping", {"uuid": "ü"})
    made.append("end")
    whole = path.read_bytes()
    for seed in range(count):
        path.write_bytes(Mutator(Random(seed), CORPUS).mutated(whole))
        try:
            found = journal.open_journal(path, digest).records
            journal.set_aside(folder / "plan.json")
        except EsplanError:
            refused += 1
        else:
            assert found == made.records[: len(found)]
    assert count / 2 < refused
    tally.add(TRIAL, files=count, refused=refused, tracebacks=0, requests=0)


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64") or sys.version_info >= (3, 14),
    reason="atheris is built for Linux on x86-64 and Python up to 3.13 (pyproject.toml: fuzz)",
)
def test_the_parsers_guided_by_their_coverage(folder: Path, scale: Scale, tally: Tally) -> None:
    """Atheris, in a process of its own: it has to see every line that is imported."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(CORPUS):
        for kind in range(4):
            (corpus / f"{kind}-{number}").write_bytes(bytes([kind]) + content)
    command = [sys.executable, str(ROOT / "tests/chaos/fuzz_parsers.py")]
    limits = [f"-max_total_time={scale(15, 240)}", "-timeout=20", "-rss_limit_mb=1024"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *limits, "-max_len=20000", "-seed=7", "-print_final_stats=1", str(corpus)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (executed,) = re.findall(r"stat::number_of_executed_units: +(\d+)", done.stderr)
    assert int(executed) > len(CORPUS) * 4
    tally.add(TRIAL, guided=int(executed), tracebacks=0)


# By name


def desired_with(alias: str, index: str = "a_{color}") -> str:
    body = {"index": {"name": index, "colors": ["x", "y"], "mappings": {"properties": {}}}}
    return json.dumps({"version": 1, "aliases": {alias: body}})


@pytest.mark.parametrize("place", ["alias", "index", "index of an alias"])
def test_no_name_means_several_indices_or_another_place(
    command: Callable[[list[str], set[int]], tuple[int, str]], tally: Tally, place: str
) -> None:
    """An alias may have capital letters."""
    names = [name for name in NAMES if place != "alias" or name != "A"]
    for name in names:
        text = desired_with(name)
        if place == "index":
            text = json.dumps({"version": 1, "indices": {name: {"mappings": {"properties": {}}}}})
        if place == "index of an alias":
            text = desired_with("a", f"{name}_{{color}}")
        if place == "index of an alias" and name in ("", ".", "..", "_all"):
            continue  # with the color it is another name: a dot, an underscore
        Path("desired.json").write_text(text)
        code, said = command(["validate", "desired.json"], {0, 1})
        assert code == 1, f"{place} {name!r} was taken"
        assert "desired.json:1:" in said
    tally.add(TRIAL, files=len(names), refused=len(names), tracebacks=0, requests=0)


def bomb(levels: int = 40) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


VALID = desired_with("films").encode()
DEEP = 100_000
WORST: dict[str, tuple[bytes, str]] = {
    "an alias bomb": (bomb(), "values, aliases expanded"),
    "an alias that contains itself": (b"version: &a [*a]", "contains itself"),
    "deep lists": (b"[" * DEEP, "nesting"),
    "deep objects": (b'{"a":' * DEEP, "nesting"),
    "deep blocks": (b"- " * DEEP, "nesting"),
    "NUL": (VALID.replace(b"films", b"fi\0ms"), "control character U+0000"),
    "a terminal escape": (VALID.replace(b"films", b"fi\x1b[2Jms"), "control character U+001B"),
    "UTF-16": (VALID.decode().encode("utf-16"), "not UTF-8"),
    "UTF-32": (VALID.decode().encode("utf-32"), "not UTF-8"),
    "Latin-1": ("a: ü".encode("latin-1"), "not UTF-8"),
    "a key twice": (VALID.replace(b"{", b'{"version": 1, ', 1), "is already on line 1"),
    "NaN": (VALID.replace(b"1", b"NaN", 1), "NaN"),
    "Infinity": (VALID.replace(b"1", b"-Infinity", 1), "Infinity"),
    "a huge number": (VALID.replace(b"1", b"9" * 100_000, 1), "number"),
    "a huge exponent": (VALID.replace(b"1", b"1e99999999", 1), "number"),
    "a tag that is code": (b"!!python/object/apply:os.system [id]", "tag"),
    "two documents": (VALID + b"\n---\n" + VALID, ""),
    "nothing": (b"", "empty"),
    "spaces": (b" \n" * 1000, "empty"),
}


@pytest.mark.parametrize("what", WORST)
@pytest.mark.parametrize("name", ["desired.yaml", "desired.json", "esplan.yaml", "job.json"])
def test_the_worst_files(
    command: Callable[[list[str], set[int]], tuple[int, str]], tally: Tally, what: str, name: str
) -> None:
    content, message = WORST[what]
    Path(name).write_bytes(content)
    Path("other.json").write_bytes(VALID)
    arguments = {
        "esplan.yaml": ["--config", name, "validate", "other.json"],
        "job.json": ["job", "convert", name],
    }
    _, said = command(arguments.get(name, ["validate", name]), {1})
    assert name != "desired.yaml" or message in said or "not YAML" in said
    assert len(said) < 20_000
    tally.add(TRIAL, files=1, refused=1, tracebacks=0, requests=0)


@pytest.mark.parametrize("what", WORST)
def test_the_worst_plans(
    command: Callable[[list[str], set[int]], tuple[int, str]], tally: Tally, what: str
) -> None:
    Path("plan.json").write_bytes(WORST[what][0])
    for arguments in (["show"], ["apply", "--auto-approve"], ["status"], ["rollback"]):
        _, said = command([arguments[0], "plan.json", *arguments[1:]], {1})
        assert "is not a plan file" in said
    tally.add(TRIAL, files=4, refused=4, tracebacks=0, requests=0)


def test_a_byte_order_mark_is_none(
    command: Callable[[list[str], set[int]], tuple[int, str]],
) -> None:
    Path("desired.json").write_bytes(b"\xef\xbb\xbf" + VALID)
    command(["validate", "desired.json"], {0})


@pytest.mark.parametrize("name", ["desired.yaml", "desired.json", "esplan.yaml", "job.json"])
def test_a_hundred_megabytes_are_not_read(
    command: Callable[[list[str], set[int]], tuple[int, str]], tally: Tally, name: str
) -> None:
    """By its size, before it is read: no more memory than the largest file that is allowed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Path(name).open("wb") as file:
        file.write(b"a: 1\n" * 20 * 2**20)
    test_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the writing is no matter
    Path("other.json").write_bytes(VALID)
    arguments = {
        "esplan.yaml": ["--config", name, "validate", "other.json"],
        "job.json": ["job", "convert", name],
    }
    _, said = command(arguments.get(name, ["validate", name]), {1})
    assert "the file is larger than" in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - max(before, test_memory) < 20 * 1024
    tally.add(TRIAL, files=1, refused=1, tracebacks=0, requests=0)


@pytest.mark.parametrize("device", ["/dev/zero", "pipe"])
def test_what_has_no_end_is_not_read(
    command: Callable[[list[str], set[int]], tuple[int, str]],
    folder: Path,
    tally: Tally,
    device: str,
) -> None:
    """As a desired file, a mapping file, a script file, esplan.yaml."""
    if device == "pipe":
        device = str(folder / "pipe")
        os.mkfifo(device)
    alias: dict[str, Any] = {"index": {"name": "a_{color}", "colors": ["x", "y"]}}
    mapped = {"index": alias["index"] | {"mappings": {"file": device}}}
    scripted = alias | {"migrate": {"script": {"file": device}}}
    for number, one in enumerate((mapped, scripted)):
        path = Path(f"{number}.json")
        path.write_text(json.dumps({"version": 1, "aliases": {"a": one}}))
        outside = not device.startswith(str(folder))  # and then nothing is said of what it is
        said = "is outside the folders that were given" if outside else "plain file"
        assert said in command(["validate", str(path)], {1})[1]
    for arguments in (["validate", device], ["--config", device, "validate", "0.json"]):
        assert "plain file" in command(arguments, {1})[1]
    tally.add(TRIAL, files=4, refused=4, tracebacks=0, requests=0)
