from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from esplan import config, signature
from esplan.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b'{"a plan": "to the byte"}\n'


def keygen(*arguments: object) -> None:
    command = ["ssh-keygen", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def key(folder: Path, name: str) -> Path:
    path = folder / name
    keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
    return path


def allowed(folder: Path, *keys: Path, options: str = "") -> Path:
    path = folder / "signers"
    lines = [f"{one.name}@example.com {options} {_public(one)}\n" for one in keys]
    path.write_text("".join(lines))
    return path


def _public(one: Path) -> str:
    return one.with_name(f"{one.name}.pub").read_text().strip()


def sign(plan: Path, with_key: Path, namespace: str = signature.NAMESPACE) -> None:
    signature.beside(plan).unlink(missing_ok=True)
    keygen("-Y", "sign", "-n", namespace, "-f", with_key, plan)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def ana(tmp_path: Path) -> Path:
    return key(tmp_path, "ana")


def refused(plan: Path, signers: Path, content: bytes = CONTENT) -> Refused:
    with pytest.raises(Refused, match="is not signed as it must be") as error:
        signature.require(content, plan, [signers])
    assert (error.value.exit_code, bool(error.value.remedy)) == (4, True)
    return error.value


def test_who_signed(plan: Path, ana: Path, tmp_path: Path) -> None:
    sign(plan, ana)
    other = key(tmp_path, "bob")
    assert signature.require(CONTENT, plan, [allowed(tmp_path, other, ana)]) == "ana@example.com"


def test_nothing_is_asked_for(plan: Path) -> None:
    assert signature.require(CONTENT, plan, []) == ""


def test_each_file_must_allow_it(plan: Path, ana: Path, tmp_path: Path) -> None:
    sign(plan, ana)
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.write_bytes(allowed(tmp_path, ana).read_bytes())
    theirs.write_bytes(allowed(tmp_path, key(tmp_path, "bob")).read_bytes())
    with pytest.raises(Refused):
        signature.require(CONTENT, plan, [mine, theirs])
    assert signature.require(CONTENT, plan, [mine, mine]) == "ana@example.com"


def test_no_signature(plan: Path, ana: Path, tmp_path: Path) -> None:
    error = refused(plan, allowed(tmp_path, ana))
    assert error.why == f"the signature {plan}.sig is not there"
    assert f"ssh-keygen -Y sign -n esplan-plan -f KEY {plan}" in error.remedy


def test_no_file_of_signers(plan: Path, ana: Path, tmp_path: Path) -> None:
    sign(plan, ana)
    assert "allowed signers" in refused(plan, tmp_path / "none").why


@pytest.mark.parametrize("options", ['valid-before="20200101"', 'namespaces="git"'])
def test_a_key_that_may_not(plan: Path, ana: Path, tmp_path: Path, options: str) -> None:
    sign(plan, ana)
    assert "plan.json.sig is n" in refused(plan, allowed(tmp_path, ana, options=options)).why


def test_the_wrong_key(plan: Path, ana: Path, tmp_path: Path) -> None:
    sign(plan, key(tmp_path, "eve"))
    assert "is no signature by a key that" in refused(plan, allowed(tmp_path, ana)).why


def test_an_edited_plan(plan: Path, ana: Path, tmp_path: Path) -> None:
    sign(plan, ana)
    error = refused(plan, allowed(tmp_path, ana), CONTENT + b" ")
    assert "is not for these bytes" in error.why


def test_a_signature_for_something_else(plan: Path, ana: Path, tmp_path: Path) -> None:
    sign(plan, ana, namespace="git")
    assert "the namespace esplan-plan" in refused(plan, allowed(tmp_path, ana)).why


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"-----BEGIN SSH SIGNATURE-----\n"])
def test_no_signature_at_all(plan: Path, ana: Path, tmp_path: Path, content: bytes) -> None:
    signature.beside(plan).write_bytes(content)
    assert "is no signature" in refused(plan, allowed(tmp_path, ana)).why


def test_every_byte_of_a_signature_counts(plan: Path, ana: Path, tmp_path: Path) -> None:
    """But for its armour; one in 16 of them, to be quick."""
    sign(plan, ana)
    file = signature.beside(plan)
    whole, signers = file.read_bytes(), allowed(tmp_path, ana)
    body = whole.index(b"\n") + 1
    for position in range(body + 80, whole.rindex(b"\n-----") - 4, 16):
        if whole[position : position + 1].isalnum():
            other = b"A" if whole[position : position + 1] != b"A" else b"B"
            file.write_bytes(whole[:position] + other + whole[position + 1 :])
            refused(plan, signers)


def test_no_tool(plan: Path, ana: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign(plan, ana)
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(plan, allowed(tmp_path, ana))
    assert (error.why, error.remedy) == (
        "there is no ssh-keygen to check its signature",
        "install OpenSSH",
    )


def test_names_are_no_options(tmp_path: Path, ana: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    plan = Path("-oProxyCommand=id")
    plan.write_bytes(CONTENT)
    sign(tmp_path / plan, ana)
    assert signature.require(CONTENT, plan, [allowed(tmp_path, ana)]) == "ana@example.com"


# esplan.yaml


@pytest.mark.parametrize(
    ("env", "uuid", "expected"),
    [
        ("prod", "other", ["signers"]),
        (None, "u1", ["signers"]),
        ("dev", "u1", ["signers"]),
        (None, "other", []),
        ("dev", "other", []),
    ],
)
def test_an_environment_that_requires_it(
    tmp_path: Path, env: str | None, uuid: str, expected: list[str]
) -> None:
    """Also where it is not chosen: the plan says which cluster it is for."""
    path = tmp_path / "esplan.yaml"
    path.write_text(
        "version: 1\nenvironments:\n  dev: {}\n  prod: {cluster_uuid: u1, signers: signers}\n"
    )
    found = config.signers(env, uuid, config=path)
    assert found == [tmp_path / name for name in expected]
