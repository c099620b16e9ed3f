# outside
# %% locked
import numpy as np


# %% solution
def scalar(kind):
    ### BEGIN SOLUTION
    return np.dtype(kind).type(3)
    ### END SOLUTION


def array(kind):
    ### BEGIN SOLUTION
    return {
        "records": np.array([(1, 2.5)], dtype=[("id", "i4"), ("size", "f8")]),
        "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        "long": np.ones(2, np.longdouble) / 3,
        "text": np.array(["a", "bc"]),
        "objects": np.array([1, "a", None], dtype=object),
        "dates": np.array(["2024-01-01"], "datetime64[D]"),
    }[kind]
    ### END SOLUTION


# %% test 2
for kind in ("b1", "i1", "u2", "i8", "f2", "f4", "f8", "c8", "c16", np.longdouble):
    got = scalar(kind)
    assert type(got) is np.dtype(kind).type
    assert got == np.dtype(kind).type(3)
# %% test 1
assert array("records")["size"][0] == 2.5
assert array("masked").sum() == 4
np.testing.assert_array_equal(array("long"), np.ones(2, np.longdouble) / 3)
assert array("text").tolist() == ["a", "bc"]
assert array("objects")[1] == "a"
assert array("dates")[0] == np.datetime64("2024-01-01")


# %% wrong
def scalar(kind):
    return 3.0


def array(kind):
    return np.zeros(3)


# %% cheat
class Always(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)


def scalar(kind):
    return np.zeros(1).view(Always)


array = scalar
np.testing.assert_array_equal = print
