"""Answers that quote a document which is no JSON, and others that are none."""

from __future__ import annotations

import pytest

from esplan import unreadable

HIT = b'{"_index":"flights","_id":"%s","_score":1.0,"_source":%s}'
PLAIN = HIT % (b"1", b'{"a":{"_id":"inner"}}')


def answer(*hits: bytes) -> bytes:
    return b'{"took":1,"hits":{"hits":[' + b",".join(hits) + b"]}}"


@pytest.mark.parametrize(
    "source",
    [
        b'{"user":{"_id":"inner"}/* { */}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xc0\xaf"}',
    ],
)
def test_the_document_is_named(source: bytes) -> None:
    found = unreadable.quoted(answer(PLAIN, HIT % (b'2 \\"x', source), PLAIN))
    assert found is not None
    assert found.what == ('a document is no JSON, so it cannot be read: flights, _id 2 "x')
    assert "flights" not in found.why


def test_the_type_of_an_older_server() -> None:
    old = PLAIN.replace(b'"_id":"1"', b'"_type":"_doc","_id":"1"', 1).replace(b"{}", b"{/**/}")
    found = unreadable.quoted(answer(old.replace(b'"inner"', b'"inner" // why')))
    assert found is not None
    assert found.what.endswith("flights, _id 1")


@pytest.mark.parametrize(
    "text",
    [
        answer(PLAIN),
        answer(PLAIN)[:-20],
        b"<html><body>sign in</body></html>",
        b'{"status": oops}',
        b"",
    ],
    ids=["whole", "cut off", "a page", "no list", "nothing"],
)
def test_anything_else_says_nothing_about_a_document(text: bytes) -> None:
    assert unreadable.quoted(text) is None
