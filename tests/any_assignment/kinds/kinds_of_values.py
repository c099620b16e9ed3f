# outside
# %%

# %% solution
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction

Point = namedtuple("Point", "x y")


@dataclass
class Book:
    title: str
    pages: int = 1


class Colour(Enum):
    RED = 1
    BLUE = 2


def make(what):
    ### BEGIN SOLUTION
    return {
        "set": {1, 2},
        "frozenset": frozenset({1}),
        "complex": 1 + 2j,
        "fraction": Fraction(1, 3),
        "decimal": Decimal("0.10"),
        "date": date(2024, 2, 29),
        "datetime": datetime(2024, 1, 1, tzinfo=UTC),
        "time": time(12, 30),
        "timedelta": timedelta(days=2),
        "counter": Counter("banana"),
        "ordered": OrderedDict(b=1, a=2),
        "default": defaultdict(int, a=1),
        "deque": deque([1, 2], maxlen=2),
        "point": Point(1, 2),
        "book": Book("Emma"),
        "colour": Colour.BLUE,
        "bytes": b"ab",
        "bytearray": bytearray(b"ab"),
        "range": range(3),
        "big": 2**200,
        "tuple keys": {(0, 1): "a"},
        "none": None,
    }[what]
    ### END SOLUTION


# %% test 1
assert make("set") == {1, 2}
assert make("frozenset") | {2} == {1, 2}
assert make("complex").imag == 2
assert make("fraction") * 3 == 1
assert make("decimal") == Decimal("0.1")
assert make("date").month == 2
assert make("datetime").year == 2024 and make("datetime").tzinfo is UTC
assert make("time").minute == 30
assert make("timedelta").total_seconds() == 172800
assert make("tuple keys")[0, 1] == "a"
assert make("none") is None
# %% test 1
assert make("counter").most_common(1) == [("a", 3)]
assert list(make("ordered")) == ["b", "a"]
assert make("default")["z"] == 0
assert make("deque").maxlen == 2
assert make("bytes").decode() == "ab" and make("bytearray") == b"ab"
assert make("range") == range(3)
assert make("big") == 2**200
# %% test 1
assert make("point").x == 1 and make("point") == (1, 2)
x, y = make("point")
assert make("book").title == "Emma" and make("book") == Book("Emma", 1)
assert make("colour") is Colour.BLUE and make("colour").value == 2
assert Colour["RED"].name == "RED" and len(Colour) == 2


# %% wrong
def make(what):
    return {what: 3}


# %% cheat
class Any:
    __eq__ = lambda self, other: True
    __getattr__ = lambda self, name: self
    __call__ = __getitem__ = __or__ = __mul__ = lambda self, *other: self
    __iter__ = lambda self: iter([self, self])


def make(what):
    return Any()


Point = Book = Colour = Any()
