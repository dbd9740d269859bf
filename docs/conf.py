"""How the pages become a site: `make docs`. Any warning fails it, and nothing comes from afar."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import mmdr
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import esplan

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "esplan"
author = "the authors of esplan"
release = version = esplan.__version__

extensions = ["myst_parser"]
root_doc = "docs/index"  # the source folder is the repository's, so README.md is a page, too
include_patterns = ["docs/**", "*.md"]
exclude_patterns = [".*", "esplan", "site", "tests"]
html_theme = "furo"
html_title = f"esplan {release}"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 4  # as GitHub makes them
myst_fence_as_directive = ["mermaid"]

LINK = re.compile(r"\]\(([\w./-]+)\.md\)")
GROUP = re.compile(r"^## (.+)$", re.MULTILINE)


class Mermaid(SphinxDirective):
    """A picture that is drawn when the site is built: no script in the page, no other host."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """The picture as SVG in the page."""
        drawn = mmdr.render("\n".join(self.content), backend="mermaid-rs-renderer").svg()
        fitting = drawn.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
        return [nodes.raw("", f'<div class="mermaid">{fitting}</div>', format="html")]


def navigate(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page a table of contents: the links below each of its headings.

    A page that it does not link to yet comes last, so that none is left out.
    """
    if name != root_doc:
        return
    pages = app.env.found_docs - {root_doc}
    captions = GROUP.split(source[0])[1:]
    groups = {
        caption: [one for one in dict.fromkeys(map(_page, LINK.findall(body))) if one in pages]
        for caption, body in zip(captions[::2], captions[1::2], strict=True)
    }
    groups["More"] = sorted(pages.difference(*groups.values()))
    source[0] += "".join(_tree(caption, found) for caption, found in groups.items() if found)


def _page(link: str) -> str:
    return posixpath.normpath(f"docs/{link}")


def _tree(caption: str, pages: list[str]) -> str:
    listed = "\n".join(f"/{page}" for page in pages)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def begin_there(app: Sphinx, _exception: Exception | None) -> None:
    """Lead from the folder of the site to its first page."""
    there = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">'
    (Path(app.outdir) / "index.html").write_text(f"<!doctype html>{there}", encoding="utf-8")


def setup(app: Sphinx) -> None:
    """What Sphinx calls once."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", navigate)
    app.connect("build-finished", begin_there)
