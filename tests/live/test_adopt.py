"""Files for what is live, on a real server: planning them at once shows no change."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from bodies import BODIES
from hypothesis import HealthCheck, assume, given, settings
from random_bodies import ANY_BODY

from esplan import desired
from esplan.commands import adopt
from esplan.commands.plan import plan
from esplan.errors import ServerError
from esplan.views import adopt as views

if TYPE_CHECKING:
    from pathlib import Path

    from engine import Engine
    from world import World

    from esplan.cluster import Cluster

pytestmark = pytest.mark.live


def make(cluster: Cluster, index: str, body: dict[str, Any], *aliases: str) -> None:
    given = {**body, "aliases": {alias: {} for alias in aliases}}
    cluster.change("PUT", f"/{index}", {"wait_for_active_shards": "0"}, given)


def check(cluster: Cluster, folder: Path, pattern: str) -> dict[str, str]:
    """Adopt, write, read again as `plan -d` does, and plan: nothing is to be done."""
    made = adopt.adopt(cluster, [pattern], views.folder)
    adopt.write(made.texts, folder)
    found = plan(cluster, desired.read([folder]))
    assert [(one.address, one.action, one.reasons) for one in found.changes] == [
        (str(one.address), "no-op", ()) for one in made.found.objects
    ]
    assert found.steps == ()
    return dict(made.texts)


def test_every_definition_is_adopted_without_a_change(
    cluster: Cluster, engine: Engine, name: str, tmp_path: Path
) -> None:
    """Each of them behind an alias, by itself, and behind an alias with options."""
    bodies = [body for body in BODIES if not engine.refuses(cluster, f"{name}-body", body)]
    for number, body in enumerate(bodies):
        alias = f"{name}-{number}"
        behind = [{}, {"aliases": {alias: {}}}, {"aliases": {alias: {"routing": "1"}}}][number % 3]
        params = {"wait_for_active_shards": "0"}
        cluster.change("PUT", f"/{alias}_green", params, {**body, **behind})
    texts = check(cluster, tmp_path, f"{name}-*")
    assert len([path for path in texts if "/" not in path]) == len(bodies)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # some engines refuse most of what is made up
)
@given(ANY_BODY)
def test_any_index_is_adopted_without_a_change(
    cluster: Cluster, name: str, tmp_path: Path, sent: dict[str, Any]
) -> None:
    index = f"{name}_green"
    try:
        make(cluster, index, sent, name)
    except ServerError as error:
        assume(error.status != 400)
        raise
    folder = tmp_path / str(time.monotonic_ns())
    try:
        check(cluster, folder, name)
    finally:
        cluster.change("DELETE", f"/{index}")


def test_the_next_replacement_of_an_adopted_alias_has_a_free_name(
    cluster: Cluster, name: str, tmp_path: Path
) -> None:
    """Also where the name of the index tells nothing."""
    make(cluster, f"{name}-old", {"mappings": {"properties": {"a": {"type": "long"}}}}, name)
    texts = check(cluster, tmp_path, name)
    file = tmp_path / f"{name}.yaml"
    assert f'name: "{name}_{{color}}"' in texts[file.name]
    file.write_text(texts[file.name].replace("a: {type: long}", "a: {type: keyword}"))
    (change,) = plan(cluster, desired.read([tmp_path])).changes
    assert (change.action, change.index, change.target) == (
        "replace",
        f"{name}-old",
        f"{name}_green",
    )


def test_options_states_and_runs(cluster: Cluster, name: str, tmp_path: Path) -> None:
    options = {"filter": {"term": {"t": "${x} on"}}, "routing": "7", "is_write_index": True}
    cluster.change(
        "PUT", f"/{name}-o_red", None, {"aliases": {f"{name}-o": options | {"is_hidden": True}}}
    )
    make(cluster, f"{name}-h-000007", {"settings": {"hidden": True}}, f"{name}-h")
    make(cluster, f"{name}-c_green", {"settings": {"number_of_replicas": 0}}, f"{name}-c")
    cluster.change("POST", f"/{name}-c_green/_close")
    make(cluster, f"{name}-e", {"settings": {"auto_expand_replicas": "0-1"}})
    make(cluster, f"{name}-b", {"settings": {"blocks.write": True}})
    for run in ("20261117t060000z", "20261118t060000z", "20261119t060000z"):
        aliases = {"8": [f"{name}-staging"], "9": [f"{name}-prod"]}.get(run[7], [])
        make(cluster, f"{name}-2_0_0-{run}", {}, *aliases)
    closed = f"{name}-k-20261119t060000z"
    make(cluster, closed, {}, f"{name}-k")
    cluster.change("POST", f"/{closed}/_close")

    texts = check(cluster, tmp_path, f"{name}-*")
    assert sorted(texts) == [
        f"{name}-{end}.yaml" for end in ("b", "c", "e", "h", "k", "o", "prod", "staging")
    ]
    said = {path.removeprefix(f"{name}-"): text for path, text in texts.items()}
    assert said["o.yaml"] == (
        f'version: 1\naliases:\n  {name}-o:\n    index: {{name: "{name}-o_{{color}}", '
        'colors: [red, green]}\n    filter: {term: {t: "$${x} on"}}\n'
        '    is_hidden: true\n    is_write_index: true\n    routing: "7"\n'
    )
    assert f'name: "{name}-h-{{generation}}"\n      settings: {{hidden: true}}\n' in said["h.yaml"]
    assert "settings: {auto_expand_replicas: 0-1}" in said["e.yaml"]
    assert said["b.yaml"] == f"version: 1\nindices:\n  {name}-b: {{}}\n"
    runs = f"runs: {{source: {name}, index_base: {name}-2_0_0}}\n"
    assert runs in said["prod.yaml"]
    assert "run: 20261118t060000z\n" in said["staging.yaml"]
    assert said["staging.yaml"].startswith(f"# alias.{name}-staging: `source: {name}` is guessed")
    assert "{color}" in said["k.yaml"], "a closed run cannot be released, so it is none here"


def test_a_thousand_indices_in_one_go(cluster: Cluster, tmp_path: Path) -> None:
    """The live ones of a large cluster, without a thousand shards on the test's machine.

    Ten times as many take about ten times as long: a limit in seconds would be the machine's.
    """
    few, many = (adopted(cluster, number, tmp_path) for number in (100, 1000))
    assert many < 20 * few


def adopted(cluster: Cluster, number: int, folder: Path) -> float:
    """Seconds of the processor to adopt so many."""
    mappings = {"properties": {f"f{n}": {"type": "keyword"} for n in range(10)}}
    settings = {"index": {"uuid": "u", "number_of_shards": "2", "number_of_replicas": "1"}}
    one = {"settings": settings, "mappings": mappings}
    raw = {f"a{n}_green": one | {"aliases": {f"a{n}": {}}} for n in range(number)}

    class Large:
        def read(self, path: str, params: Any = None) -> Any:
            return raw if path.startswith("/*") else cluster.read(path, params)

    started = time.process_time()
    made = adopt.adopt(Large(), [], views.folder)
    assert len(made.texts) == number
    assert adopt.write(made.texts, folder / str(number)) == adopt.Written(number, 0)
    return time.process_time() - started


# The command


def test_the_command_writes_a_folder_that_plans_to_nothing(world: World) -> None:
    world.seed(10)
    make(world.cluster, world.blue, {})
    done = world.esplan("adopt", world.name, "-o", "desired")
    assert done.stdout == "Wrote 1 file to desired. See: esplan plan -d desired\n"
    assert done.stderr == ""
    again = world.esplan("adopt", world.name, "-o", "desired")
    assert again.stdout == (
        "Wrote 0 files to desired; 1 as they were. See: esplan plan -d desired\n"
    )
    world.esplan("plan", "-d", "desired", "--detailed-exitcode")
    all_of_it = world.esplan("adopt", f"{world.name}*")
    text = (world.folder / "desired" / f"{world.name}.yaml").read_text()
    assert all_of_it.stdout == text
    assert all_of_it.stderr == (
        f"left out: {world.blue}: alias.{world.name} may give that name to its index\n"
    )
    data = json.loads(world.esplan("--json", "adopt", world.name).stdout)
    assert list(data) == ["version", "aliases"]
    assert list(data["aliases"]) == [world.name]
    assert "nested: {enabled: false, properties: {}}" in text
    (world.folder / "desired" / f"{world.name}.yaml").write_text("version: 1\n")
    refused = world.esplan("adopt", world.name, "-o", "desired", code=4)
    assert f"desired has other files of these names: {world.name}.yaml" in refused.stderr


def test_an_index_is_wrapped_into_an_alias(world: World) -> None:
    """The plan is applied; what it is adopted as then was shown before, and is no change."""
    plain, alias = f"{world.name}plain", f"{world.name}-alias"
    make(world.cluster, plain, {"mappings": {"properties": {"a": {"type": "long"}}}})
    done = world.esplan("adopt", plain, "--alias", alias, "-o", str(world.plan))
    assert f"  ~ alias.{alias}  update: {plain} (alias change)\n" in done.stdout
    wanted = done.stdout.partition(f"`esplan adopt {alias}` gives:\n")[2]
    assert f'name: "{alias}_{{color}}"' in wanted
    world.apply()
    assert list(world.everything()[plain]["aliases"]) == [alias]
    assert world.esplan("adopt", alias).stdout == wanted
    (world.folder / "desired.yaml").write_text(wanted)
    world.esplan("plan", "-d", "desired.yaml", "--detailed-exitcode")
    again = world.esplan("adopt", plain, "--alias", f"{alias}2", code=4)
    assert f"{plain} has aliases already: {alias}" in again.stderr
    assert (
        "is taken: it is an alias" in world.esplan("adopt", plain, "--alias", alias, code=4).stderr
    )


def test_a_plan_that_has_gone_stale_puts_no_alias_on_another_index(world: World) -> None:
    plain = f"{world.name}plain"
    make(world.cluster, plain, {})
    world.esplan("adopt", plain, "--alias", f"{world.name}-a", "-o", str(world.plan))
    world.cluster.change("DELETE", f"/{plain}")
    make(world.cluster, plain, {})
    assert "is another index now" in world.apply(code=4).stderr
    assert world.everything()[plain]["aliases"] == {}


def test_now_is_part_of_what_is_adopted(cluster: Cluster, name: str, tmp_path: Path) -> None:
    """A run of the future cannot be released, so its alias is no loader's here."""
    future = f"{datetime.now(UTC).year + 1}0101t000000z"
    make(cluster, f"{name}-{future}", {}, name)
    texts = check(cluster, tmp_path, name)
    assert f'name: "{name}_{{color}}"' in texts[f"{name}.yaml"]
