"""Release with esplan: plan → approval → apply → drift. For Airflow 3.1 and newer.

It does not import esplan: it runs the command line, wherever that is installed. What it needs,
and what each exit code does, is in docs/airflow/README.md of esplan.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, BaseOperator, Connection, Param, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

CONNECTION = "esplan"
"""The Airflow connection that holds the cluster and its credentials."""

NO_CHANGE, CHANGES = 0, 2

FINAL = {
    2: "the cluster is not as the files say",
    4: "refused: stale plan, failed precondition, failed proof, or nothing to release",
    64: "the command line is wrong",
}
"""Trying again gives the same answer: the task fails at once."""

PASSING = {
    1: "an error: the log has its reason",
    3: "stopped part-way: the same plan goes on from there",
    5: "another apply holds the lock",
    130: "interrupted",
}
"""Airflow tries again. That is safe: a plan is read again, an apply goes on from its journal."""


def judge(code: int, *expected: int) -> int:
    """Return an expected exit code; raise what makes Airflow retry, or fail at once."""
    if code in expected:
        return code
    if code in FINAL:
        raise AirflowFailException(f"esplan exited with {code}: {FINAL[code]}")
    raise RuntimeError(f"esplan exited with {code}: {PASSING.get(code, 'it was killed')}")


def environment() -> dict[str, str]:
    """The worker's environment, and over it the connection. A secret is never an argument."""
    try:
        found = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return dict(os.environ)
    port = f":{found.port}" if found.port else ""
    given = {
        "ESPLAN_URL": found.host and f"{found.schema or 'https'}://{found.host}{port}",
        "ESPLAN_USERNAME": found.login,
        "ESPLAN_PASSWORD": found.password,
    }
    for name in ("api_key", "ca_certs", "client_cert", "client_key"):
        given[f"ESPLAN_{name.upper()}"] = found.extra_dejson.get(name)
    return os.environ | {name: value for name, value in given.items() if value}


def project() -> Path:
    """The folder with the jobs, the desired files and `esplan.yaml`, as a worker sees it."""
    return Path(Variable.get("esplan_project"))


def plan_file(dag_id: str, run_id: str) -> Path:
    """The one plan of a DAG run, in a folder that all workers share; the journal is beside it.

    The same for every try, so that a retry goes on with the plan that was approved.
    """
    name = f"{dag_id}.{run_id}"
    readable = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:100]
    unique = hashlib.sha256(name.encode()).hexdigest()[:8]
    folder = Variable.get("esplan_plans", default=None) or project() / "plans"
    return Path(folder) / f"{readable}-{unique}.json"


class EsplanOperator(BaseOperator):
    """Runs esplan in the project folder. When the task is stopped, so is esplan, safely."""

    hook: SubprocessHook | None = None

    def command(self, *arguments: str) -> list[str]:
        """The command line; no shell reads it."""
        return [Variable.get("esplan_bin", default="esplan"), *arguments]

    def esplan(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> int:
        """Run it with its output in the task's log; return an expected exit code."""
        self.hook = SubprocessHook()
        done = self.hook.run_command(self.command(*arguments), environment(), cwd=str(project()))
        return judge(done.exit_code, *expect)

    def read(self, *arguments: str) -> str:
        """Return what a command prints that only reads."""
        done = subprocess.run(  # noqa: S603  (a list, and no shell)
            self.command(*arguments),
            env=environment(),
            cwd=project(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self.log.error(done.stderr)
        judge(done.returncode, 0)
        return done.stdout

    def on_kill(self) -> None:
        """Let esplan stop at the next safe point: exit code 3, and a retry goes on from there."""
        if self.hook:
            self.hook.send_sigterm()


class PlanOperator(EsplanOperator):
    """Makes the plan of this DAG run, unless there is one; skips the rest if nothing is to do."""

    def execute(self, context: Context) -> dict[str, str]:
        """Return path, digest and text of the plan: what a person approves."""
        path = plan_file(self.dag_id, str(context["run_id"]))
        if path.exists():
            self.log.info("This DAG run has its plan. For a new one, trigger a new run.")
        else:
            source = self._source(context["params"])
            save = ("-o", str(path), "--detailed-exitcode")
            self.esplan("plan", source, *save, expect=(NO_CHANGE, CHANGES))
        plan = json.loads(path.read_text(encoding="utf-8"))
        if not plan["steps"]:
            raise AirflowSkipException("nothing to do: the cluster is as the files say")
        return {"path": str(path), "digest": plan["digest"], "text": self.read("show", str(path))}

    def _source(self, params: Mapping[str, Any]) -> str:
        desired, job = params["desired"], params["job"]
        return f"--desired={desired}" if desired else f"--job={job}"


class ApplyOperator(EsplanOperator):
    """Carries out the plan that was approved, or goes on with it."""

    def execute(self, context: Context) -> None:
        """Apply exactly the approved digest; esplan refuses a plan file that says anything else."""
        plan = context["ti"].xcom_pull(task_ids="plan")
        self.esplan("apply", plan["path"], "--approve", plan["digest"])


class DriftOperator(EsplanOperator):
    """Fails if the cluster is not as the files say."""

    def execute(self, context: Context) -> None:
        """Plan again, and expect no change. A job is looked at in the form of a desired file."""
        desired = context["params"]["desired"]
        if not desired:
            path = plan_file(self.dag_id, str(context["run_id"])).with_suffix(".desired.yaml")
            text = self.read("job", "convert", "--", context["params"]["job"])
            path.write_text(text, encoding="utf-8")
            desired = path
        self.esplan("plan", f"--desired={desired}", "--detailed-exitcode", expect=(NO_CHANGE,))


APPROVAL = """\
Digest: `{{ plan.digest }}`

Plan file: `{{ plan.path }}`

{{ plan.text | indent(4, first=True) }}
"""

with DAG(
    dag_id="esplan_release",
    description="Plan, approve, apply and check a release of Elasticsearch aliases.",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "job": Param("jobs/customer.json", type="string", description="A job, in the project."),
        "desired": Param(
            None, type=["null", "string"], description="Desired files instead of the job."
        ),
    },
    tags=["esplan", "elasticsearch"],
) as dag:
    plan = PlanOperator(task_id="plan")
    approval = ApprovalOperator(
        task_id="approval",
        subject="Apply the plan for {{ params.desired or params.job }}?",
        body="{% set plan = ti.xcom_pull(task_ids='plan') %}" + APPROVAL,
        retries=0,
    )
    apply = ApplyOperator(task_id="apply")
    drift = DriftOperator(task_id="drift")
    plan >> approval >> apply >> drift
