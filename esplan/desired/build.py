"""One alias or index of a valid desired file as its part of the State."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esplan import normalize, runs, schema, source
from esplan.desired import migration, naming
from esplan.errors import Diagnostic, InvalidInput, InvalidRunIds
from esplan.model import JSON, Address, Alias, Body, Finish, Index, Migrate, Runs
from esplan.segments import SEGMENT, byte_size
from esplan.source import confined
from esplan.source.confined import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from esplan.codes import Code, Coded
    from esplan.source import Document

OPTIONS = (
    "filter",
    "routing",
    "index_routing",
    "search_routing",
    "is_write_index",
    "is_hidden",
)
REPLICAS = "index.number_of_replicas"

LOCAL = frozenset(
    {
        "data",
        "drop",
        "inverse",
        "max_rejected",
        "on_rejected",
        "pipeline",
        "query",
        "rename",
        "sample",
        "script",
        "versions",
    }
)
"""What a copy from another cluster does not do."""


@dataclass(frozen=True)
class Entry:
    """One object as it stands in a file. `path` leads to it."""

    address: Address
    document: Document
    path: tuple[str, str]

    @property
    def raw(self) -> Any:
        """What the file says under the object's name."""
        return self.document.data[self.path[0]][self.path[1]]

    def problem(
        self, *path: str | int, message: str, code: Coded = "", remedy: str = ""
    ) -> Diagnostic:
        """A diagnostic at a value of the object; without a path, at its name."""
        at, key = (*self.path, *path), not path
        return self.document.diagnostic(at, message, code=code, remedy=remedy, key=key)


@dataclass
class Builder:
    """Turns entries into the model, and gathers what is wrong with them on the way.

    `within`: the folders that the files are in which an entry may name.
    """

    within: tuple[Path, ...] = ()
    problems: list[Diagnostic] = field(default_factory=list)
    files: dict[Path, Document | None] = field(default_factory=dict)
    scripts: dict[Address, dict[str, str]] = field(default_factory=dict)

    def index(self, entry: Entry) -> Index:
        """An entry of `indices`."""
        raw, name = entry.raw, entry.address.name
        self.add("ESP-2305", entry, (), naming.name_problems(name))
        for alias in raw.get("aliases", {}):
            at = ("aliases", alias)
            self.add("ESP-2305", entry, at, naming.name_problems(alias, lower=False))
        aliases = {
            alias: self.options(entry, options, ("aliases", alias))
            for alias, options in raw.get("aliases", {}).items()
        }
        own = {"protect": raw.get("protect"), "backfill": raw.get("backfill", False)}
        return Index(name, self.body(entry, raw, ()), aliases, **own)

    def alias(self, entry: Entry) -> Alias:
        """An entry of `aliases`."""
        raw, name = entry.raw, entry.address.name
        index = raw["index"]
        self.add("ESP-2305", entry, (), naming.name_problems(name, lower=False))
        runs = self.runs(entry) if "runs" in raw else None
        if runs is None:
            problems = naming.pattern_problems(index["name"], index.get("colors"))
            self.add("ESP-2304", entry, ("index", "name"), problems)
        self.catch_up(entry)
        self.remote(entry)
        pattern = based(index["name"], runs.base) if runs else index["name"]
        return Alias(
            name,
            options=self.options(entry, {k: v for k, v in raw.items() if k in OPTIONS}, ()),
            body=self.with_replicas(entry, self.body(entry, index, ("index",))),
            naming=naming.naming(pattern, index.get("colors")),
            migrate=self.migrate(entry),
            verify=migration.verify(raw.get("verify", {})),
            finish=_finish(raw.get("finish", {})),
            runs=runs,
            protect=raw.get("protect"),
            group=raw.get("group") or _source_group(runs),
        )

    def migrate(self, entry: Entry) -> Migrate:
        """How a new index is filled; the files of its scripts are read."""
        raw = entry.raw.get("migrate", {})
        sources = {name: self.script(entry, name) for name in migration.SCRIPTS if name in raw}
        for path, message in migration.problems(raw, sources):
            self.problems.append(entry.problem("migrate", *path, code="ESP-2308", message=message))
        return migration.migrate(raw, sources)

    def script(self, entry: Entry, name: str) -> str:
        """The text of a script; empty where its file cannot be used, which is reported."""
        raw = entry.raw["migrate"][name]
        if "file" not in raw:
            return str(raw["source"])
        at = ("migrate", name, "file")
        try:
            text, wrong = migration.read_script(
                mapping_path(entry.document, raw["file"]), self.within
            )
        except Outside:
            text, wrong = "", ""
            self.outside(entry, at, raw["file"])
        if wrong:
            self.problems.append(entry.problem(*at, code="ESP-2306", message=wrong))
        self.scripts.setdefault(entry.address, {})[name] = text
        return text

    def outside(self, entry: Entry, at: tuple[str, ...], name: str) -> None:
        """Report a file that an entry may not name. Nothing is said of what it is."""
        message = f'"{name}" is {confined.OUTSIDE}'
        self.problems.append(
            entry.problem(*at, code="ESP-2310", message=message, remedy=confined.REMEDY)
        )

    def runs(self, entry: Entry) -> Runs:
        """How a loader's indices are found. Nothing is copied, so nothing is said of a copy."""
        raw, pattern = entry.raw["runs"], entry.raw["index"]["name"]
        base = raw.get("index_base", "")
        given = raw.get("entities", {raw["source"]: pattern})
        problems = naming.run_pattern_problems(pattern, base)
        self.add("ESP-2304", entry, ("index", "name"), problems)
        for name, one in given.items() if "entities" in raw else ():
            at = ("runs", "entities", name)
            self.add("ESP-2304", entry, at, naming.run_pattern_problems(one, base))
        if pattern not in given.values():
            message = f'none of the entities has the index name "{pattern}" of this alias'
            self.problems.append(
                entry.problem("runs", "entities", code="ESP-2307", message=message)
            )
        self.add("ESP-2203", entry, ("runs", "run"), _run_problems(raw.get("run", "latest")))
        for key in sorted({"migrate", "verify"} & set(entry.raw)):
            message = f"`{key}` is about a copy, and with `runs` a loader makes the index"
            self.problems.append(
                entry.problem(key, code="ESP-2307", message=message, remedy="remove it")
            )
        if "colors" in entry.raw["index"]:
            self.problems.append(
                entry.problem("index", "colors", code="ESP-2307", message="runs have no colours")
            )
        entities = {name: based(one, base) for name, one in given.items()}
        plain = {k: v for k, v in raw.items() if k in ("source", "run", "writes", "abort")}
        return Runs(pattern=pattern, base=base, entities=entities, **plain)

    def catch_up(self, entry: Entry) -> None:
        """What clients delete meanwhile is found by comparing the documents."""
        migrate = entry.raw.get("migrate", {})
        catches_up = migrate.get("writes") == "catch-up"
        for key in migration.of_a_block(migrate) if catches_up else ():
            message = f"`{key}` needs a write block: {migration.NEED[key]}"
            remedy = "remove it, or declare `writes: block`"
            at = ("migrate", key)
            self.problems.append(
                entry.problem(*at, code="ESP-2307", message=message, remedy=remedy)
            )
        if catches_up and entry.raw.get("verify", {}).get("method") == "count":
            message = "`writes: catch-up` needs the checksum: it finds by it what clients deleted"
            remedy = "remove it, or declare `writes: block`"
            at = ("verify", "method")
            self.problems.append(
                entry.problem(*at, code="ESP-2307", message=message, remedy=remedy)
            )

    def remote(self, entry: Entry) -> None:
        """The index there is not ours to block, and the one here holds other documents."""
        if "from" not in entry.raw.get("migrate", {}):
            return
        if entry.raw["migrate"].get("writes") == "catch-up":
            message = "`writes: catch-up` cannot follow what clients write to another cluster"
            remedy = "remove it: the copy is exact if nobody writes there until it is proven"
            at = ("migrate", "writes")
            self.problems.append(
                entry.problem(*at, code="ESP-2307", message=message, remedy=remedy)
            )
        for key in sorted(LOCAL & set(entry.raw["migrate"])):
            message = f"`{key}` is about a copy within one cluster"
            remedy = "remove it; or fill the alias from there first, and change the documents here"
            at = ("migrate", key)
            self.problems.append(
                entry.problem(*at, code="ESP-2307", message=message, remedy=remedy)
            )
        if entry.raw.get("finish", {}).get("delete_old"):
            message = "`delete_old` would delete documents that `migrate.from` does not copy"
            remedy = "remove it, and delete the old index by hand afterwards"
            at = ("finish", "delete_old")
            self.problems.append(
                entry.problem(*at, code="ESP-2307", message=message, remedy=remedy)
            )

    def add(self, code: Code, entry: Entry, path: tuple[str, ...], messages: Iterator[str]) -> None:
        """Diagnostics at one place of an entry."""
        found = (entry.problem(*path, code=code, message=message) for message in messages)
        self.problems.extend(found)

    def options(self, entry: Entry, raw: JSON, path: tuple[str, ...]) -> JSON:
        """The canonical options of an alias."""
        try:
            return normalize.alias_options(raw)
        except ValueError as error:
            self.problems.append(entry.problem(*path, code="ESP-2309", message=str(error)))
            return {}

    def body(self, entry: Entry, raw: JSON, path: tuple[str, ...]) -> Body:
        """Settings and mappings of an index, the mapping file read."""
        settings = raw.get("settings", {})
        mappings, document = self.mappings(entry, raw.get("mappings", {}), (*path, "mappings"))
        exact = raw.get("mappings", {}).get("exact", False)
        try:
            return replace(normalize.body(settings, mappings, exact=exact), said=mappings)
        except ValueError as error:
            in_settings = _fails(settings)
            at = (*path, "settings" if in_settings else "mappings")
            found = entry.problem(*at, code="ESP-2309", message=str(error))
            if document and not in_settings:
                found = document.diagnostic((), str(error), code="ESP-2309")
            self.problems.append(found)
            return Body()

    def mappings(
        self, entry: Entry, raw: JSON, path: tuple[str, ...]
    ) -> tuple[JSON, Document | None]:
        """A mapping without esplan's own keys, and the file that holds it, if one does."""
        if "file" not in raw:
            return {key: value for key, value in raw.items() if key != "exact"}, None
        document = self.mapping_file(entry, raw["file"], path)
        return unwrapped(document.data) if document else {}, document

    def mapping_file(self, entry: Entry, name: str, path: tuple[str, ...]) -> Document | None:
        """The file beside the desired file; None when it cannot be used, which is reported."""
        file, at = mapping_path(entry.document, name), (*path, "file")
        if file in self.files:
            return self.files[file]
        try:
            found = confined.read(file, self.within, source.MAPPING_LIMIT)
        except Outside:
            self.outside(entry, at, name)
            return None
        except confined.NotPlain:
            message = f"the mapping file {file} is not a plain file"
        except (FileNotFoundError, ValueError):  # a NUL is in no name
            message = f"there is no mapping file {file}"
        except OSError as error:
            message = f"the mapping file {file} cannot be read: {error.strerror}"
        else:
            self.files[file] = self.parsed(file, found)
            return self.files[file]
        self.problems.append(entry.problem(*at, code="ESP-2306", message=message))
        return None

    def parsed(self, file: Path, content: bytes) -> Document | None:
        """A mapping file that keeps to the schema."""
        try:
            document = source.parse(str(file), content, limit=source.MAPPING_LIMIT)
        except InvalidInput as error:
            self.problems.extend(error.diagnostics)
            return None
        inner = "wrappedMapping" if is_wrapped(document.data) else "mapping"
        problems = schema.check(document, "desired", inner)
        self.problems.extend(problems)
        return None if problems else document

    def with_replicas(self, entry: Entry, body: Body) -> Body:
        """`finish.replicas` is `number_of_replicas` said in another place.

        Like that it says nothing where replicas expand: a live index shows what nodes allow.
        """
        replicas = entry.raw.get("finish", {}).get("replicas")
        if replicas is None:
            return body
        if (
            isinstance(replicas, str) and not replicas.isdecimal()
        ):  # a variable that nobody has given a value
            message = f"{replicas} is no number of replicas"
            at = ("finish", "replicas")
            self.problems.append(entry.problem(*at, code="ESP-2307", message=message))
            return body
        replicas = int(replicas)
        said = body.settings.get(REPLICAS, str(replicas))
        if said != str(replicas):
            place = _replicas_path(entry.raw["index"]["settings"])
            message = f"number_of_replicas is {said} in settings and {replicas} in finish"
            for path in (("finish", "replicas"), ("index", "settings", *place)):
                self.problems.append(entry.problem(*path, code="ESP-2307", message=message))
        settings = normalize.without_overridden(body.settings | {REPLICAS: str(replicas)})
        return replace(body, settings=dict(sorted(settings.items())))


def _source_group(runs: Runs | None) -> str:
    """A source with several entities is released together."""
    return runs.source if runs and len(runs.entities) > 1 else ""


def based(pattern: str, base: str) -> str:
    """A pattern with its {index_base} replaced."""
    return pattern.replace("{index_base}", base)


def _run_problems(run: str) -> Iterator[str]:
    if run == "latest":
        return
    try:
        runs.run_id_to_timestamp(run)
    except InvalidRunIds as error:
        yield f"{error.why}; `run` is latest or a run id"


def _finish(raw: JSON) -> Finish:
    merge = raw.get("forcemerge", "off")
    return Finish(
        delete_old=raw.get("delete_old", False),
        forcemerge=int(merge) if isinstance(merge, float) else merge,
        segment=byte_size(raw["max_segment_size"]) if "max_segment_size" in raw else SEGMENT,
    )


def _fails(settings: JSON) -> bool:
    """Whether it is the settings that normalize refuses."""
    try:
        normalize.body(settings, {})
    except ValueError:
        return True
    return False


def _replicas_path(settings: JSON, before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Where number_of_replicas stands, in whatever form the settings have; () if nowhere."""
    for key, value in settings.items():
        if key.endswith("number_of_replicas"):
            return (*before, key)
        deeper = _replicas_path(value, (*before, key)) if isinstance(value, dict) else ()
        if deeper:
            return deeper
    return ()


def mapping_path(document: Document, name: str) -> Path:
    """A mapping file's path: relative to the file that names it."""
    return _beside(document.file, name)


@cache
def _beside(file: str, name: str) -> Path:
    return Path(file).parent / name


def is_wrapped(data: Any) -> bool:
    """A mapping file may hold the mapping under the key that it has in the create-index API."""
    return isinstance(data, dict) and set(data) == {"mappings"}


def unwrapped(data: JSON) -> JSON:
    """The mapping itself."""
    return data["mappings"] if is_wrapped(data) else data
