"""The documents: links lead somewhere, measured blocks stand once, README's figures are theirs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest
from blocks import ROOT, body_of, documents, marks, renew
from claims import CLAIMS, table

from rlm.tools import TOOLS
from rlm.tools.pixels import HELPERS

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:")


def prose(path: Path) -> str:
    """A document without its code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text(encoding="utf-8")))


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings: lower case, without punctuation, numbered when alike."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    counted: Counter[str] = Counter()
    made = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        made.add(f"{slug}-{counted[slug]}" if counted[slug] else slug)
        counted[slug] += 1
    return made


def broken(path: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    wrong = []
    for link in LINK.findall(prose(path)):
        if OUTSIDE.match(link):
            continue
        file, _, anchor = unquote(link).partition("#")
        goal = path.parent / file if file else path
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken(path) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(
        "# A `b` c\n\n## Twice\n\n## Twice\n\n```\n# No heading\n```\n"
    )
    (tmp_path / "it.md").write_text(
        "[x](other.md#a-b-c) [y](other.md#twice-1) [`z`](gone.md) [u](other.md#no-heading)\n"
        "[v](https://example.org/gone) `[w](code)` [t](#nowhere)\n"
    )
    assert broken(tmp_path / "it.md") == ["gone.md", "other.md#no-heading", "#nowhere"]


def test_the_documents_are_linked_from_readme() -> None:
    linked = {
        (ROOT / link.partition("#")[0]).resolve()
        for link in LINK.findall(prose(ROOT / "README.md"))
    }
    assert {path for path in documents() if path.parent.name == "docs"} <= linked
    assert ROOT / "BENCHMARKS.md" in linked


def test_everything_that_the_model_can_call_is_described() -> None:
    text = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    assert [each.__name__ for each in (*TOOLS, *HELPERS) if f"`{each.__name__}" not in text] == []


def test_every_block_begins_and_ends_once_in_all_documents() -> None:
    found = [mark for path in documents() for mark in marks(path.read_text(encoding="utf-8"))]
    assert found == [(name, edge) for name, _ in found[::2] for edge in ("begin", "end")]
    assert max(Counter(found).values()) == 1


def test_what_can_be_renewed_has_its_block() -> None:
    from readme import BENCHES

    others = "demo demo-whole world world-categories training sets gpu".split()
    for mark in (*BENCHES, *others):
        assert body_of(mark)


def test_the_figures_of_readme_are_those_of_the_blocks() -> None:
    assert body_of("claims") == table(body_of)


def test_a_figure_that_a_block_lacks_is_named() -> None:
    with pytest.raises(SystemExit, match=f"'index' no longer has the figures of: {CLAIMS[0].what}"):
        table(lambda mark: "nothing was measured")


def test_a_block_is_renewed_where_it_stands_and_nothing_else_changes(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("of `<!-- a:begin -->`\n")
    for body in ("", "old\n", "two\n\nlines\n"):
        text = (
            "# One\n\n<!-- b:begin -->\nold\n<!-- b:end -->\n<!-- a:begin -->\n{}<!-- a:end -->\n"
        )
        (tmp_path / "docs" / "one.md").write_text(text.format(body))
        assert body_of("a", tmp_path) == body.removesuffix("\n")
        renew("a", "new \\1", tmp_path)
        assert (tmp_path / "docs" / "one.md").read_text() == text.format("new \\1\n")


@pytest.mark.parametrize(
    ("files", "where"), [((), "nowhere"), (("a.md", "docs/b.md"), r"a\.md, docs/b\.md")]
)
def test_a_block_that_does_not_stand_once_is_not_written(
    tmp_path: Path, files: tuple[str, ...], where: str
) -> None:
    (tmp_path / "docs").mkdir()
    text = "<!-- a:begin -->\nold\n<!-- a:end -->\n"
    for file in files:
        (tmp_path / file).write_text(text)
    with pytest.raises(SystemExit, match=where):
        renew("a", "new", tmp_path)
    assert all((tmp_path / file).read_text() == text for file in files)
