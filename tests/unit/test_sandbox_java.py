"""Which Java is taken, with Javas of two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from esplan.errors import EsplanError
from esplan.sandbox import java

if TYPE_CHECKING:
    from pathlib import Path


def fake(home: Path, banner: str) -> Path:
    command = home / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\necho '{banner}' >&2\n")
    command.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ESPLAN_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(java, "SYSTEM_FOLDERS", (f"{tmp_path}/jvm/*",))


@pytest.mark.parametrize(
    ("banner", "release"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("command not quite found", None),
    ],
)
def test_the_release_is_read_from_the_banner(
    banner: str, release: int | None, tmp_path: Path
) -> None:
    assert java.java_version(fake(tmp_path / "home", banner), {}) == release


def test_the_order_of_preference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = fake(tmp_path / "jvm/17", 'version "17.0.1"')
    on_path = fake(tmp_path / "path", 'version "17.0.2"')
    home = fake(tmp_path / "home", 'version "17.0.3"')
    chosen = fake(tmp_path / "chosen", 'version "17.0.4"')
    assert java.find_java(17, 23, {}) == system
    (tmp_path / "links").mkdir()
    (tmp_path / "links/java").symlink_to(on_path / "bin/java")
    monkeypatch.setenv("PATH", str(tmp_path / "links"))
    assert java.find_java(17, 23, {}) == on_path
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java.find_java(17, 23, {}) == home
    monkeypatch.setenv("ESPLAN_JAVA_HOME", str(chosen))
    assert java.find_java(17, 23, {}) == chosen


def test_one_that_is_too_old_or_too_new_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake(tmp_path / "old", 'version "11.0.2"')))
    fake(tmp_path / "jvm/a-25", 'version "25.0.1"')
    right = fake(tmp_path / "jvm/b-21", 'version "21.0.1"')
    assert java.find_java(17, 23, {}) == right


def test_a_chosen_java_that_does_not_fit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "jvm/17", 'version "17.0.1"')
    old = fake(tmp_path / "old", 'version "11.0.2"')
    monkeypatch.setenv("ESPLAN_JAVA_HOME", str(old))
    with pytest.raises(EsplanError, match="no Java from 17 to 23 was found") as caught:
        java.find_java(17, 23, {})
    assert caught.value.why == f"{old} is Java 11"


def test_one_without_the_module_is_passed_over(tmp_path: Path) -> None:
    small = fake(tmp_path / "jvm/a-21", 'version "21.0.1"')
    (small / "bin/java").write_text(
        "#!/bin/sh\n[ $1 != --add-modules ] || exit 1\necho 'version \"21.0.1\"'\n"
    )
    with pytest.raises(EsplanError, match="no Java from 21 to 25 was found") as caught:
        java.find_java(21, 25, {}, "jdk.incubator.vector")
    assert caught.value.why == f"{small} is Java 21 without the module jdk.incubator.vector"
    assert "full JDK" in caught.value.remedy
    right = fake(tmp_path / "jvm/b-21", 'version "21.0.1"')
    assert java.find_java(21, 25, {}, "jdk.incubator.vector") == right


def test_no_java() -> None:
    with pytest.raises(EsplanError, match="no Java from 17 to 23 was found") as caught:
        java.find_java(17, 23, {})
    assert caught.value.why == "neither JAVA_HOME, nor java on PATH, nor a system folder has one"
    assert "install Java 17" in caught.value.remedy
    assert "--url of any cluster" in caught.value.remedy
