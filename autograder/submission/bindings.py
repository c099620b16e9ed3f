"""What an instructor's cell binds, read off its source: what the tests may need of a student.

Nothing is run. Names that Python would bind at the top level of a cell are found, and attributes
that are set there on another name (`RNN.bptt = bptt`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_MAGIC = re.compile(r"^(\s*)([%!]\S|\?).*$", re.MULTILINE)
_LIBRARIES = ("pandas", "scipy.sparse", "torch")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Bindings:
    """What one cell binds.

    Attributes:
        imports: source of the cell's imports at the top level.
        definitions: source of its functions and classes there.
        defined: names of these functions and classes.
        names: the other names that it binds, dotted for attributes, without those of imports.
        functions: name to source of the functions that have no decorator.
    """

    imports: str = ""
    definitions: str = ""
    defined: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    functions: tuple[tuple[str, str], ...] = ()

    @property
    def all_names(self) -> tuple[str, ...]:
        """Everything that the cell binds but modules."""
        return tuple(dict.fromkeys((*self.defined, *self.names)))


def _parsed(source: str) -> ast.Module:
    """The source's tree; an empty one for a source that Python cannot read."""
    try:
        return ast.parse(without_magics(source))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def without_magics(source: str) -> str:
    """The source as plain Python: lines for IPython do nothing, and keep their number."""
    return _MAGIC.sub(r"\1pass", source)


@lru_cache(maxsize=1024)
def bindings_of(source: str) -> Bindings:
    """What a cell binds; nothing for a source that Python cannot read."""
    body = _parsed(source).body
    imports = [node for node in body if isinstance(node, _IMPORTS)]
    definitions = [node for node in body if isinstance(node, _DEFINITIONS)]
    rest = [node for node in body if not isinstance(node, (*_DEFINITIONS, *_IMPORTS))]
    defined = dict.fromkeys(node.name for node in definitions)
    bound = dict.fromkeys(name for node in rest for name in _bound(node))
    return Bindings(
        imports="\n".join(map(ast.unparse, imports)),
        definitions="\n".join(map(ast.unparse, definitions)),
        defined=tuple(defined),
        names=tuple(name for name in bound if name not in defined),
        functions=tuple(
            (node.name, ast.unparse(node))
            for node in definitions
            if isinstance(node, ast.FunctionDef) and not node.decorator_list
        ),
    )


@lru_cache(maxsize=1024)
def names_in(source: str) -> frozenset[str]:
    """Every name that the source mentions, in nested functions too."""
    nodes = ast.walk(_parsed(source))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def libraries_in(source: str) -> tuple[str, ...]:
    """Libraries whose values cross only where they are imported, and that the source imports."""
    return tuple(
        name
        for name in _LIBRARIES
        if re.search(rf"^\s*(import|from)\s+{name.split('.')[0]}\b", source, re.MULTILINE)
    )


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
            return  # what is bound within stays within
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Attribute(value=ast.Name(id=owner), attr=name, ctx=ast.Store()):
            yield f"{owner}.{name}"
        case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store()):
            yield owner
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.Call(
            func=ast.Name(id="setattr"), args=[ast.Name(id=owner), ast.Constant(value=str(name)), _]
        ):
            yield f"{owner}.{name}"
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)
