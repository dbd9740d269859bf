"""A real Chromium without a window, once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update"
).split()

MISSING = (
    "The tests of the HTML report need a Chromium: install one (apt-get install chromium), "
    "or name it with ESPLAN_TEST_BROWSER."
)


def installed() -> str:
    """The path of a browser; empty where there is none."""
    named = os.environ.get("ESPLAN_TEST_BROWSER")
    found = (shutil.which(name) for name in ([named] if named else NAMES))
    return next(filter(None, found), "")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """With a profile of its own, that is gone afterwards."""
    path = installed()
    if not path:
        pytest.fail(MISSING)
    home = tmp_path_factory.mktemp("browser")
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=path, args=FLAGS, env=environment, timeout=120_000
        )
        yield found
        found.close()


@pytest.fixture
def reports() -> Path:
    """Plans and journals of real applies."""
    return Path(__file__).parents[1] / "report"
