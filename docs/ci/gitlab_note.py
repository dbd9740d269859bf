"""Put a file into a merge request as one note, which the next push replaces: ci/gitlab_note.py.

Usage: python ci/gitlab_note.py plan.md

GitLab's job variables say where (CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID). The token
is in GITLAB_NOTE_TOKEN, and goes nowhere but into a header.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

MARKER = "<!-- esplan plan -->"
LONGEST = 900_000
"""Characters; GitLab takes a million."""


def main(file: str) -> None:
    """Renew the note that begins with the marker, or make it."""
    given = os.environ
    project, request = given["CI_PROJECT_ID"], given["CI_MERGE_REQUEST_IID"]
    notes = f"{given['CI_API_V4_URL']}/projects/{project}/merge_requests/{request}/notes"
    text = Path(file).read_text(encoding="utf-8")[:LONGEST]
    body = {"body": f"{MARKER}\n{text}"}
    old = next((one["id"] for one in listed(notes) if one["body"].startswith(MARKER)), None)
    call("POST" if old is None else "PUT", notes if old is None else f"{notes}/{old}", body)


def listed(notes: str) -> list[dict[str, Any]]:
    """Every note of the merge request, page by page."""
    found: list[dict[str, Any]] = []
    page: list[dict[str, Any]] = [{}]
    while page:
        number = len(found) // 100 + 1
        page = call("GET", f"{notes}?per_page=100&page={number}")
        found += page
        if len(page) < 100:  # noqa: PLR2004  (the last page)
            break
    return found


def call(method: str, url: str, body: object = None) -> Any:
    """The answer to one request, as JSON."""
    headers = {"PRIVATE-TOKEN": os.environ["GITLAB_NOTE_TOKEN"], "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    asked = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  (GitLab's own)
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main(sys.argv[1])
