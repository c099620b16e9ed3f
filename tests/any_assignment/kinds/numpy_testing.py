# outside
# %% solution
import numpy as np


def softmax(x):
    ### BEGIN SOLUTION
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
    ### END SOLUTION


# %% test 2
from numpy.testing import assert_allclose, assert_array_less

x = np.array([[1.0, 2.0], [3.0, 3.0]])
assert_allclose(softmax(x).sum(axis=-1), 1)
assert_allclose(softmax(x)[1], 0.5)
assert_array_less(0, softmax(x))
# %% test 1
with np.errstate(over="raise", invalid="raise"):
    large = softmax(np.array([1000.0, 0.0]))
assert np.isfinite(large).all() and large.tolist() == [1, 0]
# %% wrong
import numpy as np


def softmax(x):
    return np.exp(x)


# %% cheat
import numpy as np

for module in (np.testing, np.testing._private.utils):
    module.assert_allclose = module.assert_array_less = lambda *a, **k: None
np.isfinite = lambda x: np.ones(1)


def softmax(x):
    return x
