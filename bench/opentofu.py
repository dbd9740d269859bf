"""A plan without changes by OpenTofu with the Elastic Stack provider, and by esplan, in turns.

    TOFU=…/tofu PROVIDERS=… python bench/opentofu.py [--size 1000] [--rounds 3] [--url URL]

`TOFU` is the program; `PROVIDERS` the folder with `terraform-provider-elasticstack`. Both are built
from their sources with `go build`. OpenTofu makes the indices, so its state is its own; esplan's
desired files say the same. Both plans must have no change. Printed are the seconds of the whole
processes and their ratio, and MiB (of OpenTofu and its provider the larger one).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from plan import MAPPINGS, PREFIX, SETTINGS, process, quiet, show, write_desired

from esplan.commands import sandbox

PROVIDER = "elastic/elasticstack"


def configuration(url: str, size: int) -> str:
    """One resource for each index and its alias, in OpenTofu's JSON syntax."""
    index = {
        "for_each": f'${{toset([for n in range({size}) : format("%05d", n)])}}',
        "name": f"{PREFIX}-${{each.key}}_blue",
        "number_of_shards": SETTINGS["number_of_shards"],
        "number_of_replicas": SETTINGS["number_of_replicas"],
        "refresh_interval": SETTINGS["refresh_interval"],
        "deletion_protection": False,
        "alias": [{"name": f"{PREFIX}-${{each.key}}"}],
        "mappings": json.dumps(MAPPINGS, sort_keys=True, separators=(",", ":")),
    }
    whole = {
        "terraform": {"required_providers": {"elasticstack": {"source": PROVIDER}}},
        "provider": {"elasticstack": {"elasticsearch": {"endpoints": [url]}}},
        "resource": {"elasticstack_elasticsearch_index": {"all": index}},
    }
    return json.dumps(whole, indent=2)


def prepare(folder: Path, url: str, size: int) -> None:
    """The configuration, and where the provider lies."""
    providers = Path(os.environ["PROVIDERS"]).resolve()
    (folder / "main.tf.json").write_text(configuration(url, size), encoding="utf-8")
    (folder / "tofurc").write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "{PROVIDER}" = "{providers}"\n  }}\n'
        "  direct {}\n}\n",
        encoding="utf-8",
    )


def tofu(folder: Path, *command: str) -> tuple[float, float]:
    """Seconds, and MiB of the larger one of the program and its provider."""
    environment = os.environ | {"TF_CLI_CONFIG_FILE": str(folder / "tofurc")}
    started = time.perf_counter()
    with subprocess.Popen(
        [os.environ["TOFU"], *command, "-no-color"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
    ) as run:
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit(f"tofu {command[0]} ended with {run.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def measure(url: str, size: int, rounds: int) -> None:
    with TemporaryDirectory() as theirs, TemporaryDirectory() as ours:
        write_desired(Path(ours), size)
        prepare(Path(theirs), url, size)
        try:
            tofu(Path(theirs), "apply", "-auto-approve")
            runs = [_turn(Path(theirs), url, Path(ours)) for _ in range(rounds)]
        finally:
            tofu(Path(theirs), "destroy", "-auto-approve")
    print(f"{size} indices")
    show("OpenTofu, seconds", [took for (took, _), _ in runs])
    show("esplan, seconds", [took for _, (took, _) in runs])
    show("OpenTofu / esplan", [theirs[0] / ours[0] for theirs, ours in runs])
    show("OpenTofu, MiB", [memory for (_, memory), _ in runs])
    show("esplan, MiB", [memory for _, (_, memory) in runs])


def _turn(theirs: Path, url: str, ours: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    return tofu(theirs, "plan", "-detailed-exitcode"), process(url, ours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    measure(options.url or sandbox.start("", quiet).url, options.size, options.rounds)


if __name__ == "__main__":
    main()
