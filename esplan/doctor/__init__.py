"""What is wrong with a cluster: facts read once, and checks that only look at them.

`sources.read` asks the cluster, one request a fact, and changes nothing. A check is a pure
function from `Facts` to findings, with its name, title, reason and thresholds beside it
(`model.check`). To add one, write the function in the module of its subject: it is in `CHECKS`
then, and `docs/doctor.md` needs its row.
"""

from __future__ import annotations

from esplan.doctor import access, aliases, blocks, disk, health, indices, nodes, own, work
from esplan.doctor.facts import Facts
from esplan.doctor.model import Check, Checked, Diagnosis, Finding, examine
from esplan.doctor.sources import read

MODULES = (health, disk, blocks, aliases, indices, nodes, work, own, access)

CHECKS: tuple[Check, ...] = tuple(
    one for module in MODULES for one in vars(module).values() if isinstance(one, Check)
)
"""Every check: by subject, and as its module has them."""

__all__ = ["CHECKS", "Check", "Checked", "Diagnosis", "Facts", "Finding", "examine", "read"]
