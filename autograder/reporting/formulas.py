"""Formulas as MathML, which browsers draw themselves: a page needs no MathJax and no network.

MathJax in each page would be 1 to 2 MB for each student; from another host, a page would tell that
host who reads it. TeX that cannot be converted stays, readable, as it was written.
"""

from __future__ import annotations

import html
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from nbconvert.filters.markdown_mistune import IPythonRenderer

# Longer texts are no formulas; converting one takes a second for each 50,000 characters.
_LONGEST = 5_000
# Characters of TeX whose formula fits a phone's screen.
_NARROW = 40
# TeX can set attributes (\href, \style, \class), and a student can write TeX.
_KEPT = {
    *("accent", "columnalign", "columnlines", "columnspacing", "depth", "display", "displaystyle"),
    *("fence", "form", "height", "largeop", "linethickness", "lspace", "mathcolor", "mathsize"),
    *("mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines", "rowspacing"),
    *("rspace", "scriptlevel", "separator", "stretchy", "symmetric", "voffset", "width", "xmlns"),
}


class FormulaRenderer(IPythonRenderer):
    """nbconvert's Markdown, its formulas drawn."""

    def inline_math(self, body: str) -> str:
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def mathml(tex: str, display: str) -> str:
    """A formula as MathML, else its TeX as text; either way, nothing in it is markup of its own.

    Args:
        tex: the formula without its dollar signs.
        display: `inline` or `block`.
    """
    plain = html.unescape(tex).strip()
    if plain and len(plain) <= _LONGEST:
        try:
            element = convert_to_element(plain, display=display)
            for each in element.iter():
                # The library writes some characters as references, for its own way of printing.
                each.text = html.unescape(each.text) if each.text else each.text
                for name in each.attrib.keys() - _KEPT:
                    del each.attrib[name]
            if display == "block" and len(plain) > _NARROW:
                element.set("tabindex", "0")  # so that the keyboard scrolls it on a small screen
            return ElementTree.tostring(element, encoding="unicode")
        except Exception:  # it raises many types, also ones that are not its own
            pass
    tag = "p" if display == "block" else "span"
    return f'<{tag} class="tex">{html.escape(plain)}</{tag}>'
