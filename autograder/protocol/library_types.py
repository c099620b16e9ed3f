"""Values of the types of Python's and of numerical libraries, as plain data and back.

Each type has one entry: how to take a value apart into plainer values, and how to put it together
again from values that are not trusted. torch, pandas and SciPy are used only where they are
imported already: a frame cannot make the grader import anything.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import functools
import io
import pathlib
import re
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from autograder.protocol.errors import WireError

Form = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""How values of one type cross: taken apart, and put together again."""

_MOST_DIGITS = 10_000
_SPARSE = re.compile("(bsr|coo|csc|csr|dia|dok|lil)_(array|matrix)")

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


def _spread(make: Callable[..., Any]) -> Callable[[Any], Any]:
    """`make`, called with each of the plainer values."""
    return lambda plain: make(*plain)


def _single(value: Any) -> Form:
    """The only value of its type."""
    return lambda _: None, lambda _: value


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


def _complex(real: Any, imaginary: Any) -> Any:
    return real + 1j * imaginary


def _decimal(plain: Any) -> decimal.Decimal:
    text = str(plain)
    made = decimal.Decimal(text)
    # int() of a huge one would never end
    if len(text) > _MOST_DIGITS or (made.is_finite() and abs(made.adjusted()) > _MOST_DIGITS):
        raise ValueError(f"it has more than {_MOST_DIGITS} digits")
    return made


def _tensor_apart(value: Any) -> list[Any]:
    try:
        plain = value.detach().cpu().resolve_conj().resolve_neg().numpy()
    except (TypeError, RuntimeError) as error:
        raise WireError(f"a tensor of dtype {value.dtype} cannot cross: {error}") from None
    return [plain, bool(value.requires_grad)]


def _tensor(array: Any, requires_grad: bool) -> Any:
    torch = sys.modules.get("torch")
    return array if torch is None else torch.from_numpy(array).requires_grad_(requires_grad)


def _zone(zone: Any) -> Any:
    if zone is None or isinstance(zone, datetime.timezone):
        return zone
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    raise WireError(f"a time zone of type {type(zone).__name__} cannot cross")


def _in_zone(kind: type, *plain: Any) -> Any:
    """A date with time, or a time, whose last parts are its zone and its fold."""
    *parts, zone, fold = plain
    zone = zoneinfo.ZoneInfo(zone) if isinstance(zone, str) else zone
    return kind(*parts, tzinfo=zone, fold=fold)


def _timezone(offset: datetime.timedelta, name: str) -> datetime.timezone:
    zone = datetime.timezone(offset, name)
    return datetime.UTC if zone == datetime.UTC and name == "UTC" else zone


def _string_io(text: str, place: int) -> io.StringIO:
    stream = io.StringIO(text)
    stream.seek(place)
    return stream


def _object_array(shape: Any, items: Any) -> Any:
    made = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        made[index] = item
    return made.reshape(shape)


def _records(shape: Any, fields: dict[str, Any]) -> Any:
    kinds = [(name, field.dtype, field.shape[len(shape) :]) for name, field in fields.items()]
    dtype = np.dtype(kinds)
    for field in fields.values():
        if field.shape[: len(shape)] != tuple(shape):
            raise ValueError("the fields do not fit together")
    if dtype.itemsize == 0 or dtype.hasobject:
        raise ValueError("the fields have no values")
    made = np.empty(tuple(shape), dtype)
    for name, field in fields.items():
        made[name] = field
    return made


def _masked(data: Any, mask: Any) -> Any:
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.shape != data.shape:
        raise ValueError("the mask does not fit")
    return np.ma.MaskedArray(data, mask)


def _imported(name: str) -> Any:
    module = sys.modules.get(name)
    if module is None:
        raise WireError(f"{name} is not imported here")
    return module


_pandas = functools.partial(_imported, "pandas")


def _sparse_apart(value: Any) -> list[Any]:
    coo = value.tocoo()
    return [type(value).__name__, list(coo.shape), coo.row, coo.col, coo.data]


def _sparse(name: str, shape: Any, row: Any, column: Any, data: Any) -> Any:
    sparse = _imported("scipy.sparse")
    if not _SPARSE.fullmatch(name):
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
        categories = series.array
        codes = np.asarray(categories.codes)
        return ["category", [categories.categories, codes, bool(categories.ordered)]]
    return [str(dtype), list(series)]


def _from_column(kind: str, dtype: str, values: Any, **named: Any) -> Any:
    """A Series or an Index."""
    pandas = _pandas()
    if dtype == "category":
        categories, codes, ordered = values
        values = pandas.Categorical.from_codes(codes, categories=categories, ordered=ordered)
    elif not isinstance(values, np.ndarray):
        values = pandas.array(values, dtype=dtype)
    made = getattr(pandas, kind)(values, **named)
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


_FORMS: dict[type, Form] = {
    complex: (attrgetter("real", "imag"), _spread(complex)),
    set: (list, set),
    frozenset: (list, frozenset),
    type({}.keys()): (list, lambda plain: dict.fromkeys(plain).keys()),
    type({}.values()): (list, lambda plain: dict(enumerate(plain)).values()),
    type({}.items()): (dict, lambda plain: dict(plain).items()),
    bytearray: (bytes, bytearray),
    range: (attrgetter("start", "stop", "step"), _spread(range)),
    slice: (attrgetter("start", "stop", "step"), _spread(slice)),
    type(...): _single(...),
    type(NotImplemented): _single(NotImplemented),
    fractions.Fraction: (attrgetter("numerator", "denominator"), _spread(fractions.Fraction)),
    decimal.Decimal: (str, _decimal),
    datetime.date: (attrgetter("year", "month", "day"), _spread(datetime.date)),
    datetime.datetime: (
        lambda v: [*v.timetuple()[:6], v.microsecond, _zone(v.tzinfo), v.fold],
        lambda plain: _in_zone(datetime.datetime, *plain),
    ),
    datetime.time: (
        lambda v: [v.hour, v.minute, v.second, v.microsecond, _zone(v.tzinfo), v.fold],
        lambda plain: _in_zone(datetime.time, *plain),
    ),
    datetime.timedelta: (
        attrgetter("days", "seconds", "microseconds"),
        _spread(datetime.timedelta),
    ),
    datetime.timezone: (lambda v: [v.utcoffset(None), v.tzname(None)], _spread(_timezone)),
    collections.Counter: (dict, collections.Counter),
    collections.OrderedDict: (dict, collections.OrderedDict),
    collections.defaultdict: (
        lambda v: [v.default_factory, dict(v)],
        _spread(collections.defaultdict),
    ),
    collections.deque: (lambda v: [list(v), v.maxlen], _spread(collections.deque)),
    types.MappingProxyType: (dict, lambda plain: types.MappingProxyType(dict(plain))),
    types.SimpleNamespace: (vars, lambda plain: types.SimpleNamespace(**plain)),
    uuid.UUID: (attrgetter("hex"), uuid.UUID),
    pathlib.PosixPath: (str, lambda plain: pathlib.Path(str(plain))),
    io.StringIO: (lambda v: [v.getvalue(), v.tell()], _spread(_string_io)),
    np.matrix: (np.asarray, np.matrix),
    np.longdouble: (_halves, lambda plain: _joined(*plain)[()]),
    np.clongdouble: (attrgetter("real", "imag"), lambda plain: np.clongdouble(_complex(*plain))),
    np.ma.MaskedArray: (lambda v: [v.data, np.ma.getmaskarray(v)], _spread(_masked)),
    type(np.ma.masked): _single(np.ma.masked),
}
_OTHER: dict[str, Form] = {
    "type": (lambda v: f"{v.__module__}.{v.__qualname__}", _TYPES.__getitem__),
    "dtype": (str, lambda plain: np.dtype(str(plain))),
    "long double array": (_halves, _spread(_joined)),
    "complex long double array": (attrgetter("real", "imag"), _spread(_complex)),
    "record array": (
        lambda v: [list(v.shape), {name: np.asarray(v[name]) for name in v.dtype.names}],
        _spread(_records),
    ),
    "record": (np.asarray, lambda plain: plain[()]),
    "object array": (lambda v: [list(v.shape), list(v.ravel())], _spread(_object_array)),
    "Tensor": (_tensor_apart, _spread(_tensor)),
    "sparse": (_sparse_apart, _spread(_sparse)),
    "DataFrame": (
        lambda v: [v.columns, v.index, [v.iloc[:, place] for place in range(v.shape[1])]],
        _spread(_frame),
    ),
    "Series": (
        lambda v: [v.name, v.index, *_column(v)],
        lambda plain: _from_column("Series", *plain[2:], index=plain[1], name=plain[0]),
    ),
    "Index": (
        lambda v: [v.name, *_column(v)],
        lambda plain: _from_column("Index", *plain[1:], name=plain[0]),
    ),
    "RangeIndex": (
        lambda v: [range(v.start, v.stop, v.step), v.name],
        lambda plain: _pandas().RangeIndex(plain[0], name=plain[1]),
    ),
    "MultiIndex": (
        lambda v: [list(v), list(v.names)],
        lambda plain: _pandas().MultiIndex.from_tuples(plain[0], names=plain[1]),
    ),
    "Timestamp": (
        lambda v: [int(v.as_unit("ns").value), v.unit, None if v.tz is None else str(v.tz)],
        lambda plain: _pandas().Timestamp(plain[0], tz=plain[2]).as_unit(plain[1]),
    ),
    "Timedelta": (
        lambda v: [int(v.as_unit("ns").value), v.unit],
        lambda plain: _pandas().Timedelta(plain[0]).as_unit(plain[1]),
    ),
    "NaT": (lambda _: None, lambda _: _pandas().NaT),
    "NA": (lambda _: None, lambda _: _pandas().NA),
}
_BY_NAME = {kind.__name__: form for kind, form in _FORMS.items()} | _OTHER


def plain_form(value: Any) -> tuple[str, Any] | None:
    """The name of a value's entry and its plainer form; None where its type has no entry."""
    kind = type(value)
    name = kind.__name__ if kind in _FORMS else _other_name(value, kind)
    return None if name is None else (name, _BY_NAME[name][0](value))


def _other_name(value: Any, kind: type) -> str | None:
    if kind is np.ndarray:
        if value.dtype == np.longdouble:
            return "long double array"
        if value.dtype == np.clongdouble:
            return "complex long double array"
        if value.dtype.names and not value.dtype.hasobject:
            return "record array"
        return "object array" if value.dtype == object else None
    if isinstance(value, np.void) and value.dtype.names:
        return "record"
    if isinstance(value, type):
        return "type" if _TYPES.get(f"{value.__module__}.{value.__qualname__}") is value else None
    if isinstance(value, np.dtype):
        return "dtype" if value.names is None and not value.hasobject else None
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return "Tensor"
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
    """The value of an entry; WireError where there is none or its type refuses what it is given."""
    if name not in _BY_NAME:
        raise WireError(f"the frame has a value of the unknown type {name[:40]!r}")
    try:
        return _BY_NAME[name][1](plain)
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"the frame has no proper {name[:40]}: {error!s:.200}") from None
