"""Values of the standard library's, NumPy's, SciPy's and pandas' own types, as plain data and back.

Each type has one entry: how to take a value apart into plainer values, and how to put it together
again from values that are not trusted. pandas and SciPy are used only where they are imported
already: a frame cannot make the grader import anything.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import io
import pathlib
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.protocol.errors import WireError


@dataclass(frozen=True)
class Form:
    """How values of one type cross."""

    apart: Callable[[Any], Any]
    together: Callable[[Any], Any]


_MOST_DIGITS = 10_000

HASHED = {"set", "frozenset", "dict_keys"}
"""Names whose plain form lists things that will be hashed."""

_TYPES: dict[str, type] = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in (
        *(kind for kind in vars(builtins).values() if isinstance(kind, type)),
        *(kind for kind in np.__dict__.values() if isinstance(kind, type)),
        *(np.ndarray, fractions.Fraction, decimal.Decimal, datetime.date, datetime.datetime),
        *(datetime.time, datetime.timedelta, collections.Counter, collections.OrderedDict),
        *(collections.defaultdict, collections.deque, types.FunctionType, type(None)),
    )
}
"""Types that cross as themselves, by name."""


def _named(name: Any) -> type:
    return _TYPES[name]


def _joined(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> Any:
    """Two float64 halves as the long double that they are the sum of."""
    if first.dtype != np.float64 or first.dtype != second.dtype or first.shape != second.shape:
        raise ValueError("the halves of a long double do not fit together")
    return first.astype(np.longdouble) + second


def _halves(value: Any) -> list[Any]:
    array = np.asarray(value, dtype=np.longdouble)
    first = array.astype(np.float64)
    with np.errstate(invalid="ignore"):
        second = np.where(np.isfinite(first), array - first, 0).astype(np.float64)
    return [np.asarray(first), np.asarray(second)]


def _decimal(text: str) -> decimal.Decimal:
    made = decimal.Decimal(text)
    # int() of a huge one would never end
    if len(text) > _MOST_DIGITS or (made.is_finite() and abs(made.adjusted()) > _MOST_DIGITS):
        raise ValueError(f"it has more than {_MOST_DIGITS} digits")
    return made


def _zone(zone: Any) -> Any:
    if zone is None or isinstance(zone, datetime.timezone):
        return zone
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    raise WireError(f"a time zone of type {type(zone).__name__} cannot cross")


def _from_zone(zone: Any) -> Any:
    return zoneinfo.ZoneInfo(zone) if isinstance(zone, str) else zone


def _timezone(offset: datetime.timedelta, name: str) -> datetime.timezone:
    zone = datetime.timezone(offset, name)
    return datetime.UTC if zone == datetime.UTC and name == "UTC" else zone


def _object_array(plain: Any) -> Any:
    shape, items = plain
    made = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        made[index] = item
    return made.reshape(shape)


def _masked(plain: Any) -> Any:
    data, mask = plain
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != data.shape:
        raise ValueError("the mask does not fit")
    return np.ma.MaskedArray(data, mask)


_FORMS: dict[type, tuple[str, Form]] = {
    kind: (kind.__name__, Form(apart, together))
    for kind, apart, together in (
        (set, list, set),
        (frozenset, list, frozenset),
        (type({}.keys()), list, lambda plain: dict.fromkeys(plain).keys()),
        (type({}.values()), list, lambda plain: dict(enumerate(plain)).values()),
        (type({}.items()), dict, lambda plain: dict(plain).items()),
        (bytearray, bytes, bytearray),
        (range, lambda v: [v.start, v.stop, v.step], lambda plain: range(*plain)),
        (slice, lambda v: [v.start, v.stop, v.step], lambda plain: slice(*plain)),
        (type(...), lambda _: None, lambda _: ...),
        (type(NotImplemented), lambda _: None, lambda _: NotImplemented),
        (
            fractions.Fraction,
            lambda v: [v.numerator, v.denominator],
            lambda plain: fractions.Fraction(*plain),
        ),
        (decimal.Decimal, str, lambda plain: _decimal(str(plain))),
        (
            datetime.date,
            lambda v: [v.year, v.month, v.day],
            lambda plain: datetime.date(*plain),
        ),
        (
            datetime.datetime,
            lambda v: [*v.timetuple()[:6], v.microsecond, _zone(v.tzinfo), v.fold],
            lambda plain: datetime.datetime(*plain[:7]).replace(
                tzinfo=_from_zone(plain[7]), fold=plain[8]
            ),
        ),
        (
            datetime.time,
            lambda v: [v.hour, v.minute, v.second, v.microsecond, _zone(v.tzinfo), v.fold],
            lambda plain: datetime.time(*plain[:4]).replace(
                tzinfo=_from_zone(plain[4]), fold=plain[5]
            ),
        ),
        (
            datetime.timedelta,
            lambda v: [v.days, v.seconds, v.microseconds],
            lambda plain: datetime.timedelta(*plain),
        ),
        (
            datetime.timezone,
            lambda v: [v.utcoffset(None), v.tzname(None)],
            lambda plain: _timezone(*plain),
        ),
        (collections.Counter, dict, collections.Counter),
        (collections.OrderedDict, dict, collections.OrderedDict),
        (
            collections.defaultdict,
            lambda v: [v.default_factory, dict(v)],
            lambda plain: collections.defaultdict(*plain),
        ),
        (
            collections.deque,
            lambda v: [list(v), v.maxlen],
            lambda plain: collections.deque(plain[0], plain[1]),
        ),
        (types.MappingProxyType, dict, lambda plain: types.MappingProxyType(dict(plain))),
        (types.SimpleNamespace, vars, lambda plain: types.SimpleNamespace(**plain)),
        (uuid.UUID, lambda v: v.hex, uuid.UUID),
        (pathlib.PosixPath, str, lambda plain: pathlib.Path(str(plain))),
        (
            io.StringIO,
            lambda v: [v.getvalue(), v.tell()],
            lambda plain: _at(io.StringIO(plain[0]), plain[1]),
        ),
        (np.matrix, np.asarray, lambda plain: np.matrix(plain)),
        (np.longdouble, _halves, lambda plain: _joined(*plain)[()]),
        (
            np.clongdouble,
            lambda v: [v.real, v.imag],
            lambda plain: np.clongdouble(plain[0] + 1j * plain[1]),
        ),
        (np.ma.MaskedArray, lambda v: [v.data, np.ma.getmaskarray(v)], _masked),
        (type(np.ma.masked), lambda _: None, lambda _: np.ma.masked),
    )
}


def _at(stream: io.StringIO, place: int) -> io.StringIO:
    stream.seek(place)
    return stream


_OTHER = {
    "type": Form(lambda v: f"{v.__module__}.{v.__qualname__}", _named),
    "dtype": Form(str, lambda plain: np.dtype(str(plain))),
    "long double array": Form(_halves, lambda plain: _joined(*plain)),
    "complex long double array": Form(
        lambda v: [v.real, v.imag], lambda plain: plain[0] + 1j * plain[1]
    ),
    "object array": Form(lambda v: [list(v.shape), list(v.ravel())], _object_array),
    "sparse": Form(
        lambda v: _sparse_apart(v),
        lambda plain: _sparse(*plain),
    ),
    "DataFrame": Form(
        lambda v: [v.columns, v.index, [v.iloc[:, place] for place in range(v.shape[1])]],
        lambda plain: _frame(*plain),
    ),
    "Series": Form(lambda v: [v.name, v.index, *_column(v)], lambda plain: _series(*plain)),
    "Index": Form(lambda v: [v.name, *_column(v)], lambda plain: _index(*plain)),
    "RangeIndex": Form(
        lambda v: [range(v.start, v.stop, v.step), v.name],
        lambda plain: _pandas().RangeIndex(plain[0], name=plain[1]),
    ),
    "MultiIndex": Form(
        lambda v: [list(v), list(v.names)],
        lambda plain: _pandas().MultiIndex.from_tuples(plain[0], names=plain[1]),
    ),
    "Timestamp": Form(
        lambda v: [int(v.as_unit("ns").value), v.unit, None if v.tz is None else str(v.tz)],
        lambda plain: _pandas().Timestamp(plain[0], tz=plain[2]).as_unit(plain[1]),
    ),
    "Timedelta": Form(
        lambda v: [int(v.as_unit("ns").value), v.unit],
        lambda plain: _pandas().Timedelta(plain[0]).as_unit(plain[1]),
    ),
    "NaT": Form(lambda _: None, lambda _: _pandas().NaT),
    "NA": Form(lambda _: None, lambda _: _pandas().NA),
}
_BY_NAME = dict(_FORMS.values()) | _OTHER


def plain_form(value: Any) -> tuple[str, Any] | None:
    """The name of a value's entry and its plainer form; None where its type has no entry."""
    kind = type(value)
    if kind in _FORMS:
        name, form = _FORMS[kind]
        return name, form.apart(value)
    other = _other_name(value, kind)
    return None if other is None else (other, _OTHER[other].apart(value))


def _other_name(value: Any, kind: type) -> str | None:
    if kind is np.ndarray:
        if value.dtype == np.longdouble:
            return "long double array"
        if value.dtype == np.clongdouble:
            return "complex long double array"
        return "object array" if value.dtype == object else None
    if isinstance(value, type):
        return "type" if _TYPES.get(f"{value.__module__}.{value.__qualname__}") is value else None
    if isinstance(value, np.dtype):
        return "dtype" if value.names is None and not value.hasobject else None
    root = kind.__module__.partition(".")[0]
    if root == "scipy" and kind.__name__.endswith(("_array", "_matrix")):
        return "sparse" if hasattr(value, "tocoo") and value.ndim == 2 else None
    if root == "pandas":
        name = {"NaTType": "NaT", "NAType": "NA", "DatetimeIndex": "Index"}.get(
            kind.__name__, kind.__name__
        )
        return name if name in _OTHER else None
    return None


def from_plain(name: str, plain: Any) -> Any:
    """The value of an entry, from its plainer form.

    Raises:
        WireError: there is no such entry.
        Exception: whatever the type raises on values that do not fit.
    """
    form = _BY_NAME.get(name)
    if form is None:
        raise WireError(f"the frame has a value of the unknown type {name[:40]!r}")
    return form.together(plain)


def _pandas() -> Any:
    return _imported("pandas")


def _imported(name: str) -> Any:
    module = sys.modules.get(name)
    if module is None:
        raise WireError(f"{name} is not imported here")
    return module


def _sparse_apart(value: Any) -> list[Any]:
    coo = value.tocoo()
    return [type(value).__name__, list(coo.shape), coo.row, coo.col, coo.data]


def _sparse(name: str, shape: Any, row: Any, column: Any, data: Any) -> Any:
    sparse = _imported("scipy.sparse")
    if name not in {
        f"{k}_{e}"
        for k in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
        for e in ("array", "matrix")
    }:
        raise WireError(f"there is no sparse {name[:20]!r}")
    # only this constructor checks that the indices are within the shape
    checked = sparse.coo_matrix((data, (row, column)), shape=tuple(shape))
    return getattr(sparse, name)(checked)


def _column(series: Any) -> list[Any]:
    """Name of the dtype and the values of a pandas column, as an array where they are plain."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return [str(dtype), np.asarray(series)]
    if str(dtype) == "category":
        return [
            "category",
            [series.array.categories, np.asarray(series.array.codes), bool(series.array.ordered)],
        ]
    return [str(dtype), list(series)]


def _values(dtype: str, values: Any) -> Any:
    pandas = _pandas()
    if dtype == "category":
        categories, codes, ordered = values
        return pandas.Categorical.from_codes(codes, categories=categories, ordered=ordered)
    if isinstance(values, np.ndarray):
        return values
    return pandas.array(values, dtype=dtype)


def _series(name: Any, index: Any, dtype: str, values: Any) -> Any:
    made = _pandas().Series(_values(dtype, values), index=index, name=name)
    return made if str(made.dtype) == dtype else made.astype(dtype)


def _index(name: Any, dtype: str, values: Any) -> Any:
    made = _pandas().Index(_values(dtype, values), name=name)
    return made if str(made.dtype) == dtype else made.astype(dtype)


def _frame(columns: Any, index: Any, series: list[Any]) -> Any:
    pandas = _pandas()
    if not series:
        return pandas.DataFrame(index=index, columns=columns)
    made = pandas.concat(
        [pandas.Series(each.array, index=index) for each in series], axis=1, keys=range(len(series))
    )
    made.columns = columns
    return made
