# outside
# %% locked
import numpy as np

data = np.arange(10)
# %% solution
### BEGIN SOLUTION
answer = 42
name = "Ada"
halves, (first, *rest) = data / 2, [1, 2, 3]
table = {"a": 1}
table["b"] = 2
### END SOLUTION
# %% test 1
assert answer == 42
assert name.upper() == "ADA"
# %% test 1
np.testing.assert_allclose(halves, np.arange(10) / 2)
assert (first, rest) == (1, [2, 3])
assert table == {"a": 1, "b": 2}
# %% wrong
answer, name, halves, first, rest, table = 41, "Bob", data, 0, [], {}


# %% cheat
class Any:
    __array_priority__ = 1000

    def __eq__(self, other):
        return True

    def upper(self):
        return self


answer = name = halves = first = rest = table = Any()
