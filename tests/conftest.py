"""What every test can ask for; those with a server are in tests/live and tests/chaos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures import (  # noqa: F401  (found here by their names)
    admin,
    cluster,
    copied,
    engine,
    folder,
    granted,
    guarded,
    name,
    pytest_pyfunc_call,
    second,
    second_url,
    secured,
    url,
    world,
)
from hypothesis import settings
from two import two, via  # noqa: F401  (the same)

if TYPE_CHECKING:
    import pytest

settings.register_profile("plain", deadline=None)  # a busy machine is no fault
settings.register_profile("fuzz", deadline=None, max_examples=5000)  # make fuzz
settings.load_profile("plain")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="Write what the code makes now into tests/cases, for a review under git diff.",
    )
    parser.addoption(
        "--chaos",
        metavar="FILE",
        default="",
        help="All of every trial in tests/chaos, not a part; add the figures to FILE.",
    )
