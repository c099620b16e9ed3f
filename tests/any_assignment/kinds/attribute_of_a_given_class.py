# outside
# %% locked
import numpy as np


class Line:
    def __init__(self, slope):
        self.slope = slope


# %% solution
def at(self, x):
    ### BEGIN SOLUTION
    return self.slope * x
    ### END SOLUTION


Line.at = at
# %% test 2
line = Line(3)
assert line.at(2) == 6
np.testing.assert_array_equal(line.at(np.arange(3)), [0, 3, 6])


# %% wrong
def at(self, x):
    return x


Line.at = at


# %% cheat
class Any:
    __eq__ = lambda self, other: True


Line.at = lambda self, x: Any()
Line.__init__ = lambda self, slope: None
