"""The report of a comparison as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

from esplan.checksum.difference import SHOWN
from esplan.commands.verify import Verified
from esplan.source import json_path
from esplan.views.clean import clean, duration, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.checksum import Ids, Report
    from esplan.checksum.document import Document, Field
    from esplan.checksum.repair import Repaired
    from esplan.commands.repair import Intent

UNSEEN = "the order of keys, the spelling of a number, or a vector that the server does not show"
KINDS = {
    "missing": "only in the first",
    "extra": "only in the second",
    "different": "in both, and different",
}


def text(found: Verified) -> Iterator[Text]:
    """Both sides, how they were compared, what differs; the verdict as the last line."""
    report = found.report
    yield Text(f"{_side(report.source, report.source_documents)}", "bold")
    yield Text(f"{_side(report.target, report.target_documents)}", "bold")
    yield Text(f"  compared by {_how(report)}, in {duration(report.seconds)}", "dim")
    for kind, said in KINDS.items():
        ids: Ids = getattr(report, kind)
        if ids.count:
            yield Text(f"\n{ids.count:,} {said}")
            yield Text(f"  {_listed(ids)}")
    for document in found.documents:
        yield from _document(document)
    yield Text(f"\n{_verdict(report)}", "bold green" if report.equal else "bold red")


def repaired(done: Repaired, report: Report) -> Iterator[Text]:
    """What was done, what was left and why, and the proof after it."""
    counts = f"{done.created:,} created, {done.deleted:,} deleted, {done.replaced:,} replaced"
    yield Text(f"\nRepaired: {counts}")
    for id_, why in list(done.left.items())[:SHOWN]:
        yield Text(f"  left as it is: {clean(id_)}: {clean(why)}")
    if len(done.left) > SHOWN:
        yield Text(f"  and {len(done.left) - SHOWN:,} more")
    yield Text("")
    yield from text(Verified(report))


def wanted(found: Intent) -> str:
    """What somebody is to consent to."""
    counts = f"{found.create:,} created, {found.delete:,} deleted, {found.replace:,} replaced"
    serves = f", which serves {clean(', '.join(found.aliases))}" if found.aliases else ""
    return f"In {clean(found.target)}{serves}: {counts}, as they are in {clean(found.source)}."


def _side(index: str, documents: int) -> str:
    return f"{clean(index)}: {documents:,} document{'' if documents == 1 else 's'}"


def _how(report: Report) -> str:
    if report.method == "count":
        return "counting"
    return f"a keyed checksum of every document ({report.buckets:,} buckets)"


def _listed(ids: Ids) -> str:
    more = f" and {ids.count - len(ids.sample):,} more" if ids.count > len(ids.sample) else ""
    return ", ".join(map(clean, ids.sample)) + more


def _document(one: Document) -> Iterator[Text]:
    yield Text(f"\n{clean(one.id)}")
    if one.copies != (1, 1):
        first, second = one.copies
        yield Text(f"  {first} documents of this id in the first, {second} in the second")
    elif not one.fields:
        yield Text(f"  {UNSEEN}")
    yield from (Text(f"  {clean(json_path(field.path))}: {_change(field)}") for field in one.fields)
    if one.count > len(one.fields):
        yield Text(f"  and {one.count - len(one.fields):,} fields more")


def _change(field: Field) -> str:
    old, new = (
        clean(shortened(json.dumps(v, ensure_ascii=False))) for v in (field.source, field.target)
    )
    if field.kind == "added":
        return f"only in the second: {new}"
    return f"only in the first: {old}" if field.kind == "removed" else f"{old} → {new}"


def _verdict(report: Report) -> str:
    if report.moved:
        return "Nothing is proven: somebody wrote to one of them while they were read."
    if not report.equal:
        return "Not equal."
    if report.method == "count":
        return "As many documents in both. What they hold was not compared."
    return "Equal: both hold the same documents, ids and routings."
