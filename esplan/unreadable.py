"""An answer that is no JSON, since it quotes a document that is none.

A server takes documents with comments, a byte order mark or bytes that are no UTF-8, keeps them to
the byte, and quotes them so: no strict parser reads such an answer.
"""

from __future__ import annotations

import json
import re

from esplan.errors import StepFailed

STRING = r'"((?:[^"\\]|\\.)*)"'
HIT = re.compile(rf'"_index":{STRING},(?:"_type":"[^"]*",)?"_id":{STRING}')


def document(error: object) -> StepFailed | None:
    """The document that a parser stopped in; None where the answer is no list of documents.

    `error`: that of the parser. An answer that was cut off is none either.
    """
    text, at = _where(error)
    if not text.rstrip().endswith("}") or at >= len(text.rstrip()):
        return None
    hits = HIT.findall(text, 0, at)
    if not hits:
        return None
    index, key = (json.loads(f'"{one}"') for one in hits[-1])
    return StepFailed(
        f"a document is no JSON, so it cannot be read: {index}, _id {key}",
        code="ESP-3308",
        why=f"{error}"[:200],
        remedy="write it again as plain JSON, where clients write to it: POST INDEX/_update/ID "
        '{"script": "ctx.op = \'index\'"} does that, and changes nothing else',
    )


def quoted(answer: bytes) -> StepFailed | None:
    """The same, of an answer that was read in parts."""
    try:
        json.loads(answer)
    except ValueError as error:
        return document(error)
    return None


def _where(error: object) -> tuple[str, int]:
    if isinstance(error, json.JSONDecodeError):
        return error.doc, error.pos
    if isinstance(error, UnicodeDecodeError):
        begin = error.object[: error.start].decode()
        return begin + error.object[error.start :].decode(errors="replace"), len(begin)
    return "", 0
