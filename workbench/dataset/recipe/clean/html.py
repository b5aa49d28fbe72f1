"""HTML in a text: tags go, their meaning stays (paragraphs, lists, links), entities become characters."""

from __future__ import annotations

import html
import re
from html.entities import html5

from workbench.dataset.recipe.clean.code import outside_code

# Only HTML's own names with proper attributes: `a<b and c>d`, `List<String>` and `<answer>` are no markup.
_NAMES = (
    "a abbr address article aside audio b base basefont bdi bdo big blockquote body br button canvas caption center "
    "cite code col colgroup dd del details dfn dir div dl dt em embed fieldset figcaption figure font footer form "
    "h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main map mark menu meta nav "
    "noscript object ol optgroup option p param picture pre q s samp script section select small source span strike "
    "strong style sub summary sup table tbody td textarea tfoot th thead title tr tt u ul var video wbr"
).replace(" ", "|")
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=`]+)"
_BARE = r"(?:checked|disabled|hidden|readonly|required|selected|nowrap|noshade|open|controls|async|defer)"
_TAG = re.compile(
    rf"<(?P<close>/?)(?P<name>{_NAMES})(?P<attributes>(?:\s+(?:[\w:.-]+\s*=\s*{_VALUE}|{_BARE}))*)\s*/?>", re.IGNORECASE
)
_HIDDEN = re.compile(r"<(script|style|head|title)\b(?:\s[^<>]*)?>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->|<!doctype\b[^<>]*>|<\?xml\b[^<>]*\?>", re.IGNORECASE | re.DOTALL)
_LINK = re.compile(rf"<a\s(?P<attributes>(?:[^<>\"']|{_VALUE})*)>(?P<text>.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_HREF = re.compile(rf"\bhref\s*=\s*(?P<url>{_VALUE})", re.IGNORECASE)
_BLOCK = re.compile(r"<(?:p|div|table|ul|ol|html|body|blockquote|h[1-6])\b[^<>]*>", re.IGNORECASE)
_PRE = re.compile(r"(<pre\b[^<>]*>.*?</pre\s*>)", re.IGNORECASE | re.DOTALL)

# What a tag leaves behind where it opens; every one is shorter than the tag.
_OPENS = {"br": "\n", "li": "\n- ", "hr": "\n\n", "td": " ", "th": " ", "tr": "\n", "dt": "\n", "dd": "\n  "}
_PARAGRAPHS = "p div table ul ol blockquote h1 h2 h3 h4 h5 h6 article section header footer pre form dl"
_APART = frozenset(_PARAGRAPHS.split(" "))


def html_to_text(text: str) -> str:
    """The text of HTML; a text without any is as it was, and code blocks are left alone.

    A link keeps its address behind its words. An escaped tag (`&lt;b&gt;`) stays escaped: decoded it would be one.
    """
    if "<" not in text and "&" not in text:
        return text
    return outside_code(text, _converted, inline=True)


def _converted(text: str) -> str:
    marked = bool(_TAG.search(text) or _COMMENT.search(text))
    if marked:
        text = _without_tags(text)
    return _decoded(text)


def _without_tags(text: str) -> str:
    text = _COMMENT.sub("", _HIDDEN.sub("", text))
    if _BLOCK.search(text):  # a document: its line ends are only spaces, but in <pre>
        pieces = _PRE.split(text)
        text = "".join(piece if index % 2 else re.sub(r"\s+", " ", piece) for index, piece in enumerate(pieces))
    else:
        text = re.sub(r"(<br\s*/?>)[ \t]*\r?\n", r"\1", text, flags=re.IGNORECASE)
    text = _TAG.sub(_left_behind, _LINK.sub(_linked, text))
    text = re.sub(r"[ \t]*\n[ \t]*(?=\n|- )|[ \t]+(?=\n)", lambda found: "\n" if "\n" in found.group() else "", text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\n (?=\S)", "\n", text)).strip()


def _left_behind(tag: re.Match[str]) -> str:
    name = tag["name"].lower()
    if name in _APART:
        return "\n\n" if len(tag.group()) > 2 else ""
    return "" if tag["close"] else _OPENS.get(name, "")


def _linked(link: re.Match[str]) -> str:
    """The words of a link, with its address where that says more."""
    words = link["text"]
    found = _HREF.search(link["attributes"])
    url = found["url"].strip("\"' ") if found else ""
    bare = re.sub(r"^mailto:|^https?://|/$", "", html.unescape(url))
    if not url.startswith(("http", "mailto:", "ftp")) or bare in html.unescape(words):
        return words
    return f"{words} ({url.removeprefix('mailto:')})" if words.strip() else url.removeprefix("mailto:")


_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ANGLE = re.compile(r"&(?:[lg]t|[LG]T|#0*6[02]|#[xX]0*3[cCeE]);")


def _decoded(text: str) -> str:
    """Entities as characters, but for angle brackets that would make markup out of what was said to be none."""
    if "&" not in text:
        return text
    whole = _ENTITY.sub(_character, text)
    if not (_TAG.search(whole) or _COMMENT.search(whole)):
        return whole
    return _ENTITY.sub(lambda found: found.group() if _ANGLE.fullmatch(found.group()) else _character(found), text)


def _character(entity: re.Match[str]) -> str:
    said = entity.group()
    return html.unescape(said) if said[1] == "#" or said[1:] in html5 else said
