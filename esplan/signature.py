"""Detached signatures of plans: OpenSSH's, over the exact bytes of the file, in PLAN.sig.

    ssh-keygen -Y sign -n esplan-plan -f KEY PLAN

Who may sign stands in a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS). The namespace
keeps a signature for another purpose, a commit's, from counting here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from esplan.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAMESPACE = "esplan-plan"
TOOL = "ssh-keygen"
PATIENCE = 60.0
"""Seconds: it needs a hundredth of one."""


def beside(plan: Path) -> Path:
    """Where the signature of the plan in a file lies."""
    return plan.with_name(f"{plan.name}.sig")


def require(content: bytes, plan: Path, allowed: Iterable[Path]) -> str:
    """Who signed these bytes of the plan file; each file of signers must allow it.

    Raises Refused where nobody did who may, and where that cannot be found out.
    """
    return ", ".join(dict.fromkeys(_signer(content, plan, signers) for signers in allowed))


def _signer(content: bytes, plan: Path, signers: Path) -> str:
    signature = beside(plan)
    for file, what in ((signers, "the file of allowed signers"), (signature, "the signature")):
        if not file.is_file():
            raise _refused(plan, f"{what} {file} is not there", _how(plan))
    files = ("-f", str(signers), "-s", str(signature))
    found = _run(plan, ["find-principals", *files])
    principals = [line for line in found.stdout.splitlines() if line]
    if found.returncode or not principals:
        why = f"{signature} is no signature by a key that {signers} allows"
        raise _refused(plan, _because(why, found.stderr), _how(plan))
    checks = [
        _run(plan, ["verify", "-n", NAMESPACE, "-I", one, *files], content) for one in principals
    ]
    good = [one for one, check in zip(principals, checks, strict=True) if check.returncode == 0]
    if not good:
        why = f"{signature} is not for these bytes and the namespace {NAMESPACE}"
        remedy = f"review the plan again; then sign it: {_command(plan)}"
        raise _refused(plan, _because(why, checks[0].stderr), remedy)
    return good[0]


def _run(
    plan: Path, arguments: list[str], content: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """`ssh-keygen -Y …`, in English, without a shell."""
    tool = shutil.which(TOOL)
    if tool is None:
        raise _refused(plan, f"there is no {TOOL} to check its signature", "install OpenSSH")
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program; the files are values of its options)
            [tool, "-Y", *arguments],
            input=content,
            capture_output=True,
            timeout=PATIENCE,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},  # and no credential
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _refused(plan, f"{TOOL} did not work: {error}", "see that it runs") from None
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _because(why: str, said: str) -> str:
    line = next((one.strip() for one in said.splitlines() if one.strip()), "")
    return f"{why} ({line})" if line else why


def _command(plan: Path) -> str:
    return f"{TOOL} -Y sign -n {NAMESPACE} -f KEY {plan}"


def _how(plan: Path) -> str:
    return f"let somebody who may sign review the plan and sign it: {_command(plan)}"


def _refused(plan: Path, why: str, remedy: str) -> Refused:
    return Refused(
        f"the plan {plan} is not signed as it must be", code="ESP-4008", why=why, remedy=remedy
    )
