"""The engine's files, with a Maven of a few lines in place of the real one."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from esplan.errors import EsplanError, UsageError
from esplan.sandbox import assembly, download
from esplan.sandbox.cache import cache_folder, disk_used, locked, require_reachable
from esplan.sandbox.engines import DEFAULT, ENGINES, Engine, engine

JAVA = Path("/java")


def silent(_text: str, _done: float | None) -> None:
    """No progress wanted."""


class FakeMaven:
    """A `mvn` on PATH: knows a local repository, and "downloads" a file into it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.repository, self.log, self.remote = folder / "m2", folder / "log", folder / "remote"
        command = folder / "bin" / "mvn"
        command.parent.mkdir()
        self.write(command, f'mkdir -p "$(dirname {self.path})" && cp {self.remote} {self.path}')
        monkeypatch.setenv("PATH", f"{command.parent}:{os.defpath}")
        with zipfile.ZipFile(self.remote, "w") as file:
            file.writestr("sonar-1/elasticsearch/lib/server.jar", "jar" * 1000)
            file.writestr("sonar-1/elasticsearch/config/jvm.options", "-Xmx1g\n")
            file.writestr("sonar-1/web/elasticsearch/other.js", "no part of the server")

    @property
    def path(self) -> Path:
        return self.repository / ENGINES[DEFAULT].artifacts[0].path

    def write(self, command: Path, fetch: str) -> None:
        command.write_text(
            f'#!/bin/sh\necho "$JAVA_HOME $*" >> {self.log}\n'
            f'case "$*" in *help:evaluate*) printf "\\033[0m{self.repository}\\033[0m";;\n'
            f"*dependency:resolve*) {fetch};; esac\n"
        )
        command.chmod(0o755)

    def fail(self, folder: Path, message: str) -> None:
        self.write(folder / "bin" / "mvn", f"echo '{message}'; exit 1")

    def engine(self) -> Engine:
        data = self.remote.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        known = ENGINES[DEFAULT]
        artifact = replace(known.artifacts[0], sha256=sha256, size=len(data))
        return replace(known, artifacts=(artifact,))


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMaven:
    return FakeMaven(tmp_path, monkeypatch)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in files)


def test_downloads_checks_extracts_and_leaves_no_archive(maven: FakeMaven, cache: Path) -> None:
    told: list[tuple[str, float | None]] = []
    home = download.install(maven.engine(), cache, JAVA, lambda *what: told.append(what))
    assert names(home) == ["config/jvm.options", "lib/server.jar"]
    assert [path.name for path in home.parent.iterdir()] == [home.name]
    assert not maven.path.exists()
    texts = dict.fromkeys(text for text, _ in told)
    assert [text.split(" ")[0] for text in texts] == ["downloading", "checking", "extracting"]
    assert all(done is not None and 0 <= done <= 1 for _, done in told)
    assert told[-1] == ("extracting the server", 1.0)
    log = maven.log.read_text()
    assert "/java --quiet --batch-mode --file " in log


def test_a_second_install_asks_nobody(maven: FakeMaven, cache: Path) -> None:
    first = download.install(maven.engine(), cache, JAVA, silent)
    maven.log.unlink()
    assert download.install(maven.engine(), cache, JAVA, silent) == first
    assert not maven.log.exists()


def test_an_archive_that_maven_has_is_used_and_kept(maven: FakeMaven, cache: Path) -> None:
    maven.path.parent.mkdir(parents=True)
    maven.path.write_bytes(maven.remote.read_bytes())
    home = download.install(maven.engine(), cache, JAVA, silent)
    assert home.is_dir()
    assert maven.path.exists()
    assert "dependency:resolve" not in maven.log.read_text()


def test_a_wrong_checksum_is_refused_and_the_download_deleted(
    maven: FakeMaven, cache: Path
) -> None:
    engine = maven.engine()
    wrong = replace(engine.artifacts[0], sha256="0" * 64)
    expected = replace(engine, artifacts=(wrong,))
    with pytest.raises(
        EsplanError, match="not the expected one, so nothing of it is used"
    ) as caught:
        download.install(expected, cache, JAVA, silent)
    assert caught.value.why == f"SHA-256 is {engine.artifacts[0].sha256}, not {'0' * 64}"
    assert not maven.path.exists()
    assert not (cache / "engines").exists()


def test_a_half_extraction_is_never_taken_as_good(
    maven: FakeMaven, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_let_everyone_read", power_cut)
    with pytest.raises(KeyboardInterrupt):
        download.install(maven.engine(), cache, JAVA, silent)
    assert list((cache / "engines").iterdir()) == []


def test_what_a_killed_extraction_left_is_swept(maven: FakeMaven, cache: Path) -> None:
    (cache / "engines/partial-x/sonar-1/elasticsearch").mkdir(parents=True)
    home = download.install(maven.engine(), cache, JAVA, silent)
    assert [path.name for path in (cache / "engines").iterdir()] == [home.name]


def test_files_are_readable_by_the_servers_account(maven: FakeMaven, cache: Path) -> None:
    mask = os.umask(0o077)
    try:
        home = download.install(maven.engine(), cache, JAVA, silent)
    finally:
        os.umask(mask)
    modes = {path.stat().st_mode & 0o777 for path in (home, *home.rglob("*"))}
    assert modes == {0o755, 0o644}


def test_an_archive_without_the_server_is_an_error(maven: FakeMaven, cache: Path) -> None:
    expected = replace(maven.engine(), assemble=assembly.folder("opensearch"))
    with pytest.raises(EsplanError, match="the archive has no folder opensearch/"):
        download.install(expected, cache, JAVA, silent)
    assert list((cache / "engines").iterdir()) == []


def test_no_maven(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EsplanError, match="Maven was not found") as caught:
        download.install(ENGINES[DEFAULT], cache, JAVA, silent)
    assert caught.value.remedy == (
        "install Maven 3, or do without the sandbox: --url of any cluster"
    )


def test_mavens_own_error_is_shown(maven: FakeMaven, cache: Path, tmp_path: Path) -> None:
    maven.fail(tmp_path, "[ERROR] Could not transfer artifact")
    with pytest.raises(
        EsplanError, match=r"Maven could not download elasticsearch-8\.16"
    ) as caught:
        download.install(maven.engine(), cache, JAVA, silent)
    assert caught.value.why == "[ERROR] Could not transfer artifact"
    assert "settings.xml" in caught.value.remedy


def test_maven_is_asked_for_every_artifact_and_for_nothing_they_name(tmp_path: Path) -> None:
    known = engine("opensearch-2.19")
    pom = Path(download._project(known, tmp_path)).read_text()
    assert pom.count("<dependency>") == len(known.artifacts) == 73
    assert pom.count("<exclusion><groupId>*</groupId><artifactId>*</artifactId>") == 73
    assert "<groupId>org.opensearch</groupId><artifactId>opensearch</artifactId>" in pom
    assert "<version>2.19.5</version><type>jar</type>" in pom


def test_artifacts_are_pinned() -> None:
    for one in (artifact for known in ENGINES.values() for artifact in known.artifacts):
        assert re.fullmatch("[0-9a-f]{64}", one.sha256), one
        assert one.size > 0
        assert one.kind in {"jar", "zip"}
    artifact = engine("elasticsearch-7.17").artifacts[0]
    place = "org/elasticsearch/distribution/integ-test-zip/elasticsearch/7.17.29"
    assert artifact.path == f"{place}/elasticsearch-7.17.29.zip"


def test_elasticsearch_7_gets_the_module_reindex(maven: FakeMaven, cache: Path) -> None:
    with zipfile.ZipFile(maven.remote, "w") as file:
        file.writestr("elasticsearch-7/modules/transport-netty4/netty.jar", "jar")
        file.writestr("elasticsearch-7/config/jvm.options", "-Xmx1g\n")
    jar = cache / "reindex-client.jar"
    jar.write_text("jar")
    (cache / "partial").mkdir()
    home = assembly.with_reindex([maven.remote, jar], cache / "partial", silent)
    assert names(home) == [
        "config/jvm.options",
        "modules/reindex/plugin-descriptor.properties",
        "modules/reindex/reindex-client.jar",
        "modules/transport-netty4/netty.jar",
    ]
    descriptor = (home / "modules/reindex/plugin-descriptor.properties").read_text()
    assert f"elasticsearch.version={engine('elasticsearch-7.17').version}\n" in descriptor


def test_opensearch_is_its_jars_and_a_program(cache: Path) -> None:
    jar = cache / "opensearch.jar"
    jar.write_text("jar")
    (cache / "partial").mkdir()
    home = assembly.opensearch([jar], cache / "partial", silent)
    assert names(home) == ["OpenSearchServer.java", "config/jvm.options", "lib/opensearch.jar"]


def test_an_unknown_engine_names_the_known() -> None:
    with pytest.raises(UsageError, match="no sandbox engine 'solr'") as caught:
        engine("solr")
    assert caught.value.remedy == (
        "choose one of: elasticsearch-8.16, elasticsearch-9.4, elasticsearch-7.17, opensearch-2.19"
    )


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPLAN_CACHE_DIR", str(tmp_path / "there"))
    assert cache_folder() == tmp_path / "there"


@pytest.mark.parametrize(("root", "expected"), [(True, "/var/cache/esplan"), (False, "esplan")])
def test_the_default_cache_folder(
    root: bool,  # noqa: FBT001  (a test's parameter)
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ESPLAN_CACHE_DIR", raising=False)
    monkeypatch.setattr("esplan.sandbox.cache.is_root", lambda: root)
    folder = cache_folder()
    assert folder.is_absolute()
    assert (str(folder) if root else folder.name) == expected
    assert root or folder.is_relative_to(Path.home().resolve())


def test_a_folder_closed_to_the_servers_account(cache: Path) -> None:
    cache.chmod(0o700)
    with pytest.raises(EsplanError, match="cannot reach the sandbox's folder") as caught:
        require_reachable(cache)
    assert caught.value.why == f"{cache} is closed to others"


def test_a_folder_that_cannot_be_made_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(EsplanError, match="cannot use its folder") as caught,
        locked(tmp_path / "file" / "cache", silent),
    ):
        pass
    assert "ESPLAN_CACHE_DIR" in caught.value.remedy


def test_the_disk_used_is_that_of_every_file_below(tmp_path: Path) -> None:
    """To the byte; a link counts as itself, not as what it leads to."""
    (tmp_path / "run" / "data").mkdir(parents=True)
    (tmp_path / "run" / "log").write_bytes(b"x" * 1_000)
    (tmp_path / "run" / "data" / "segment").write_bytes(b"x" * 30_000_000)
    (tmp_path / "link").symlink_to("run/log")
    assert disk_used(tmp_path) == 30_001_000 + len("run/log")
