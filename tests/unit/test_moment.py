"""How far an index is written at one moment, by what `_stats` says of its shards."""

from __future__ import annotations

from typing import Any

import pytest

from esplan.checksum import moment


class Shards:
    """A cluster of one index; `current`: writes in flight on its second shard."""

    def __init__(self, *, synced: int, highest: int, current: int) -> None:
        self.numbers = {"max_seq_no": highest, "local_checkpoint": synced, "global_checkpoint": 3}
        self.current, self.asked = current, list[str]()

    def read(self, path: str, *_: Any, **__: Any) -> Any:
        self.asked.append(path)
        if path == "/a":
            return {"a": {"settings": {"index": {"number_of_shards": "2"}}}}
        idle = {"max_seq_no": 7, "local_checkpoint": 7, "global_checkpoint": 7}
        primary = {"routing": {"primary": True}}
        now = {"indexing": {"index_current": 0, "delete_current": self.current}}
        free = {"indexing": {"index_current": 0, "delete_current": 0}}
        shards = {
            "0": [{**primary, **free, "seq_no": idle}],
            "1": [{**primary, **now, "seq_no": self.numbers}],
        }
        return {"indices": {"a": {"shards": shards}}}


def reached(**shard: int) -> tuple[dict[str, int], int]:
    """What is reached, and in how many requests."""
    cluster: Any = Shards(**shard)
    return moment.reached(cluster, ["a"])["a"], len(cluster.asked)


def test_all_is_on_the_disk() -> None:
    assert reached(synced=9, highest=9, current=0) == ({"0": 7, "1": 9}, 2)


def test_a_write_in_flight_has_its_number_and_is_not_there_yet() -> None:
    assert reached(synced=8, highest=9, current=1) == ({"0": 7, "1": 8}, 3)


def test_what_is_not_synced_is_there_all_the_same() -> None:
    """With `translog.durability: async` the checkpoint lags behind."""
    assert reached(synced=-1, highest=9, current=0) == ({"0": 7, "1": 9}, 3)


@pytest.mark.parametrize(("current", "wanted"), [(0, 9), (1, 4)])
def test_the_safe_checkpoint_is_another_matter(current: int, wanted: int) -> None:
    cluster: Any = Shards(synced=4, highest=9, current=current)
    assert moment.progress(cluster, "a") == ([7, 3], {"0": 7, "1": wanted})
