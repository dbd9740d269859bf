"""Whether what came of a history is right: the documents, what is left over, and what was said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ledger import Written
from plots import FIRST, SMALL, documents
from world import blocks

from esplan import lock
from esplan.holder import is_dead
from esplan.plan import GUARD

if TYPE_CHECKING:
    from gate import Said, Story
    from ledger import Ledger

CODES = {0, 1, 3, 4, 5}
NAMELESS = 64
"""What a command was given is not there any more, or both names are one index."""

CLEAN = "nothing is left of this plan in the cluster: every change was taken back"
Documents = dict[str, dict[str, Any]]


def check(story: Story, said: Said) -> None:
    """What a command says, as soon as it has ended: nobody has done anything since."""
    if said.code == -9 and story.killed:
        return
    wrong = story.wrong.append
    if said.code not in CODES and not (said.code == NAMELESS and _may_be_nameless(story)):
        wrong(("code", f"exit code {said.code}"))
    if "Traceback" in said.text:
        wrong(("false", "a traceback"))
    if said.arguments[0] == "apply":
        _claims(story, said)


def _may_be_nameless(story: Story) -> bool:
    """A person has moved the alias, or deleted an index, that a command of no plan names."""
    return bool(not story.plot.moves and story.act and story.met and story.act.person)


def _claims(story: Story, said: Said) -> None:
    """Sentences that can be looked at."""
    found, wrong = story.world.everything(), story.wrong.append
    for index in _blocked(story, said):
        if not blocks(found.get(index, {"settings": {"index": {}}})).get("write"):
            wrong(("false", f"it says that clients cannot write to {index}: they can"))
    if CLEAN in " ".join(said.text.split()):
        _taken_back(story, found)
    if "nothing was switched" in said.text and not _by_hand(story):
        for alias, old, _ in story.plot.pairs(story.world):
            if old not in _on(found, alias):
                wrong(("false", f"it says that nothing was switched: {alias} is on another index"))


def _blocked(story: Story, said: Said) -> list[str]:
    """The indices of which it says that clients cannot write to them."""
    named = re.findall(r"clients cannot write to ([^\n;]+)", said.text)
    pattern = rf"{story.world.name}[\w.-]*\w"
    return [index for text in named for index in re.findall(pattern, text)]


def _taken_back(story: Story, found: dict[str, Any]) -> None:
    """It says that everything is as it was: names, aliases and blocks."""
    for name in {*found, *story.before}:
        now, then = _shape(found.get(name)), _shape(story.before.get(name))
        by_hand = _shape(story.at_act.get(name)) if story.act and story.met else then
        if now not in (then, by_hand) and not (story.act and _touched(story, name)):
            story.wrong.append(
                ("false", f"it says that every change was taken back: {name} was {then}, is {now}")
            )


def _shape(index: dict[str, Any] | None) -> Any:
    if index is None:
        return "not there"
    return {"aliases": sorted(index["aliases"]), "blocks": blocks(index)}


def _touched(story: Story, name: str) -> bool:
    """Whether the person has changed this index, or its aliases: then it is not esplan's to say."""
    assert story.act
    act = story.act
    of_theirs = act.stays or act.loose or "made" in name or "deleted" in act.name
    return act.person and story.met and of_theirs


def _by_hand(story: Story) -> bool:
    return bool(story.act and story.met and (story.act.loose or story.act.takes))


def _on(found: dict[str, Any], alias: str) -> list[str]:
    return sorted(name for name, one in found.items() if alias in one["aliases"])


def judge(story: Story) -> None:
    """At the end of it all."""
    found = story.world.everything()
    read = {name: _read(story, name) for name in found}
    for ledger, (alias, old, new) in zip(story.ledgers, story.plot.pairs(story.world), strict=True):
        mine = ledger is story.ledger
        _documents(story, ledger, (alias, old, new), found, read, mine=mine)
        _place(story, (alias, old, new), found)
    _left_over(story, found)
    _brought(story, found)


def _read(story: Story, index: str) -> Documents:
    """Every document; an index that was closed or lost has none."""
    story.server.ask("POST", f"/{index}/_refresh")
    status, found = story.server.ask("GET", f"/{index}/_search?size=1000")
    if status >= 300:
        return {}
    return {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}


def _last(story: Story) -> Said:
    applied = [one for one in story.said if one.arguments[0] != "plan" and one.code >= 0]
    return applied[-1]


# Documents


def _documents(
    story: Story,
    ledger: Ledger,
    pair: tuple[str, str, str],
    found: dict[str, Any],
    read: dict[str, Documents],
    *,
    mine: bool,
) -> None:
    alias, old, new = pair
    on = _on(found, alias)
    act = story.act if story.met and mine else None
    served = _served(on, read)
    if not story.plot.heir and on == [new]:
        _run(story, ledger, new, served)
        return
    places = [served]
    if act and (act.loose or act.takes):
        places += [read[name] for name in (old, new) if name in read]
    if act and act.takes == "source" and on != [new]:
        return  # the person's own loss
    if act and act.takes == "target":
        places += [read[old]] if old in read else []
    missing = []
    for key, versions in sorted(ledger.may.items()):
        if _may_be_repaired(story, ledger):
            versions = [*versions, Written(ledger.model.get(key), old)]  # noqa: PLW2901
        if not any(_fits(story, one.get(key), versions, on, new) for one in places):
            missing.append(f"{key}: {_said(served.get(key))}, not {_wanted(versions)}")
    extra = sorted(served.keys() - ledger.may.keys())
    if missing and not (_missed(story) and not _unkept(ledger, served, read.get(old, {}))):
        kept = [] if old in on else _kept(ledger, read.get(old, {}))
        kind = "hidden" if kept and not _unkept(ledger, served, read.get(old, {})) else "lost"
        story.wrong.append((kind, _listed(f"missing behind {alias} (on {on})", missing)))
    if extra and not (act and act.loose):
        story.wrong.append(("lost", _listed(f"of nobody behind {alias}", extra)))
    _aside(story, ledger, served, read)


def _may_be_repaired(story: Story, ledger: Ledger) -> bool:
    """What came before a repair looked is not as the model has it, and is made so.

    After a kill it looks once more.
    """
    before = bool(story.at and story.at.number < story.locked)
    return bool(ledger.model) and (before or story.killed)


def _missed(story: Story) -> bool:
    """It has said that the old index was written to in the moment of the switch."""
    return any("ESP-4618" in one.text and one.code == 4 for one in story.said)


def _served(on: list[str], read: dict[str, Documents]) -> Documents:
    served: Documents = {}
    for name in on:
        served |= read[name]
    return served


def _fits(
    story: Story, there: dict[str, Any] | None, versions: list[Written], on: list[str], new: str
) -> bool:
    """As it was written, or as the new index has it."""
    for one in versions:
        forms = [one.source]
        if one.source is not None and one.index != new:
            changed = story.plot.becomes(one.source)
            forms = [changed] if on == [new] and not _by_hand(story) else [one.source, changed]
        if there in forms:
            return True
    return False


def _unkept(ledger: Ledger, served: Documents, old: Documents) -> bool:
    """Whether something is neither served nor in the old index."""
    return any(
        all(old.get(key) != one.source and served.get(key) != one.source for one in versions)
        for key, versions in ledger.may.items()
    )


def _kept(ledger: Ledger, old: Documents) -> list[str]:
    return [key for key, versions in ledger.may.items() if old.get(key) == versions[-1].source]


def _aside(story: Story, ledger: Ledger, served: Documents, read: dict[str, Documents]) -> None:
    """What an index acknowledged that nobody but a plan may delete."""
    gone = [
        f"{key} of {one.index}"
        for (key, _), one in ledger.aside.items()
        if served.get(key) != one.source and _in(read, one.index, key) != one.source
    ]
    if gone:
        story.wrong.append(("lost", _listed("acknowledged, and deleted", gone)))


def _in(read: dict[str, Documents], index: str, key: str) -> Any:
    """The document; None where there is none, and something else where the index is gone."""
    return read[index].get(key) if index in read else "gone"


def _run(story: Story, ledger: Ledger, new: str, served: Documents) -> None:
    """It serves what the loader or the other cluster has, and what came through the alias since."""
    if _by_hand(story):
        return
    since = {key for key, all_ in ledger.may.items() if any(one.index == new for one in all_)}
    made = documents(SMALL, FIRST)
    gone = [key for key in made.keys() - since if served.get(key) != made[key]]
    if gone:
        story.wrong.append(("lost", _listed(f"missing in {new}", sorted(gone))))


def _listed(what: str, lines: list[str]) -> str:
    rest = f"\n    … {len(lines) - 6} more" if len(lines) > 6 else ""
    return "\n    ".join([f"{what}: {len(lines)}", *lines[:6]]) + rest


def _said(there: dict[str, Any] | None) -> str:
    return "not there" if there is None else str(there)[:110]


def _wanted(versions: list[Written]) -> str:
    shown = (f"{_said(one.source)} (written in {one.index})" for one in versions)
    return " or ".join(shown)[:300]


# Aliases, and what is left over


def _place(story: Story, pair: tuple[str, str, str], found: dict[str, Any]) -> None:
    alias, old, new = pair
    on, last = _on(found, alias), _last(story)
    act = story.act if story.met else None
    hands = bool(act and (act.loose or act.takes))
    if not story.plot.moves and act and act.person:
        return  # where the alias is, is the person's alone
    if len(on) != 1 and not (hands and (last.code or _is_late(story))):
        story.wrong.append(("left", f"{alias} is on {on or 'no index'}"))
    if last.code or "--abandon" in last.arguments or not story.plot.moves:
        return
    if story.renewed and not story.plot.heir and new not in found:
        return  # a person has deleted the run: the latest one that there is serves
    if on != [new] and not (hands and _is_late(story)):
        story.wrong.append(("false", f"exit code 0, and {alias} is on {on}"))
    stays = story.plot.keeps or story.renewed or bool(act and act.stays)
    if not stays and old in found:
        story.wrong.append(("false", f"exit code 0, and {old} was not deleted"))


def _is_late(story: Story) -> bool:
    """After the last look at the alias: nobody could know."""
    return bool(story.at and story.at.number > story.last_look)


def _left_over(story: Story, found: dict[str, Any]) -> None:
    act, last = (story.act if story.met else None), _last(story)
    wrong = story.wrong.append
    pairs = story.plot.pairs(story.world)
    made = {new for _, _, new in pairs}
    aliases = {alias for alias, _, _ in pairs}
    for name, one in found.items():
        guards = [alias for alias in one["aliases"] if alias.startswith(GUARD)]
        if guards and not (act and act.stays) and not _named(last, name):
            wrong(("left", f"{name} has the guard {guards}"))
        if blocks(one) and not _block_is_named(story, name) and not (act and act.cure):
            wrong(("left", f"{name} has {blocks(one)}"))
        served = aliases & one["aliases"].keys()
        if name in made and not served and not _may_stay(story, name, last):
            wrong(("left", f"{name} is left, which the plan has made"))
    _running(story)


def _running(story: Story) -> None:
    """A task, or a lock that nobody gives back."""
    query = {"actions": "*reindex,*byquery", "detailed": "true"}
    running = story.world.cluster.read("/_tasks", query)
    tasks = [task for node in running["nodes"].values() for task in node["tasks"].values()]
    if [task for task in tasks if story.world.name in task.get("description", "")]:
        story.wrong.append(("left", "a task runs on"))
    held = lock.read(story.world.cluster)
    if held:
        if not is_dead(held.holder):
            story.wrong.append(("left", f"the lock is held by {held.holder}"))
        lock.remove(story.world.cluster, held.holder.token, lambda _note: None, force=True)


def _may_stay(story: Story, name: str, last: Said) -> bool:
    act = story.act if story.met else None
    if name in story.before or not story.plot.moves:
        return True
    return bool(act and (act.stays or act.loose)) or _named(last, name)


def _named(last: Said, name: str, *words: str) -> bool:
    """Whether a message says it; success says nothing."""
    return last.code != 0 and name in last.text and all(word in last.text for word in words)


def _block_is_named(story: Story, name: str) -> bool:
    """By whichever command: a new plan after it does not say it once more."""
    return any(_named(one, name, "block") for one in story.said)


def _brought(story: Story, found: dict[str, Any]) -> None:
    """What the source got meanwhile is in the new index, or the switch did not happen."""
    if not (story.act and story.met and story.act.brings and story.plot.heir):
        return
    alias, _, new = story.pair
    text = " ".join(one.text for one in story.said)
    missing = _on(found, alias) == [new] and story.act.brings not in str(found[new])
    if missing and story.at and story.at.switch:
        return  # with the switch's own call on its way, nobody can look once more
    if missing and story.act.brings not in text:
        story.wrong.append(("stale", f"{story.act.brings} is not in {new}, and nothing was said"))
