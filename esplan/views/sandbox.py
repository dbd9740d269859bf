"""What `esplan sandbox` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from esplan.views.clean import duration, size

if TYPE_CHECKING:
    from esplan.sandbox.seed import Seeded
    from esplan.sandbox.server import Ended, Status
    from esplan.sandbox.state import Sandbox


def started(sandbox: Sandbox) -> Text:
    """After `sandbox start`."""
    said = "runs already" if sandbox.was_running else "started"
    return Text.assemble(
        (f"The sandbox ({sandbox.engine}) {said}: {sandbox.url}", "green"),
        f"\nTo use it: export ESPLAN_URL={sandbox.url}",
    )


def stopped(ended: Ended) -> Text:
    """After `sandbox stop`."""
    said = f"Stopped {ended.url}" if ended.was_running else "No sandbox was running"
    how = " (it had to be killed)" if ended.killed else ""
    kept = f"; {size(ended.purged)} of data deleted" if ended.purged else ""
    return Text(f"{said}{how}{kept}.")


def status(status: Status) -> Text:
    """`sandbox status`."""
    if status.sandbox is None:
        return Text(
            f"No sandbox runs. Start one: esplan sandbox start ({size(status.disk)} on disk)"
        )
    version = status.version or "not answering yet"
    return Text(
        f"The sandbox ({status.sandbox.engine}, {version}) runs: {status.sandbox.url}, "
        f"pid {status.sandbox.pid}, {size(status.disk)} on disk in {status.cache}"
    )


def seeded(seeded: Seeded) -> Text:
    """After `sandbox seed`."""
    if not seeded.loaded:
        return Text(f"{seeded.documents:,} documents are there already, behind {seeded.alias}.")
    said = f"Loaded {seeded.documents:,} documents behind the alias {seeded.alias}"
    return Text(f"{said} in {duration(seeded.seconds)}.", "green")
