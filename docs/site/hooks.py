"""What MkDocs needs to show the repository's pages as they are (`make docs`).

The site has the repository's folders, so a relative link is right on GitHub, in an editor and here. A file is on the
site if README.md or a page of docs/ leads to it. MkDocs stops at links to what is not there.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from markdown import Extension, Markdown
from markdown.util import Registry
from markdown_it import MarkdownIt
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[2]
STYLE = "docs/site/style.css"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
MARK = re.compile(r"^<!-- .*? -->\n", re.M)
FLOWCHART = re.compile(r"^```mermaid\nflowchart LR\n(.*?)^```$", re.M | re.S)


class CommonMark(Extension):
    """Reads pages as GitHub does; MkDocs' own parser wants other blank lines and indents in lists."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Put the parser of markdown-it in the place of Python-Markdown's, for blocks and for what is inside."""
        md.preprocessors = Registry()
        md.treeprocessors.deregister("inline")
        md.parser.parseDocument = parsed


def parsed(lines: list[str]) -> ElementTree.ElementTree:
    """Return the elements of a page, under one root."""
    html = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True}).enable("table").render("\n".join(lines))
    return ElementTree.ElementTree(ElementTree.fromstring(f"<div>{html}</div>"))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read pages as GitHub does, and give headings the anchors that they have there, so that one link fits both."""
    config.markdown_extensions.append(CommonMark())
    config.mdx_configs["toc"] = {"slugify": anchor}
    return config


def anchor(heading: str, separator: str) -> str:
    """Return small letters, digits, underscores and hyphens of a heading, with separators for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of the theme and those of the repository, named by their paths from its top."""
    theme = [file for file in files if file.src_dir != config.docs_dir]
    own = [File.generated(config, name, abs_src_path=str(REPOSITORY / name)) for name in [STYLE, *reached()]]
    return Files([*theme, *own])


def reached() -> list[str]:
    """Return the pages of the site and the files that they show or link, by their paths from the repository's top."""
    todo, found = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))], []
    for path in todo:
        name = path.relative_to(REPOSITORY).as_posix()
        if name in found:
            continue
        found.append(name)
        if path.suffix == ".md":
            targets = [(path.parent / target).resolve() for target in LINK.findall(path.read_text(encoding="utf-8"))]
            todo += [target for target in targets if target.is_file() and target.is_relative_to(REPOSITORY)]
    return found


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show a flowchart as lines of text: the program that draws one would come from another host."""
    shown = FLOWCHART.sub(lambda found: "```\n" + found[1].replace("-->", "\N{RIGHTWARDS ARROW}") + "```", markdown)
    return MARK.sub("", shown)  # what `make findings` looks for
