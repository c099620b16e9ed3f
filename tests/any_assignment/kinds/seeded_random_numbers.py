# inside
# %%
import random

import numpy as np


# %% solution
def throw(n):
    ### BEGIN SOLUTION
    return [random.randint(1, 6) for _ in range(n)], np.random.rand(n)
    ### END SOLUTION


# %% test 2
random.seed(3)
np.random.seed(3)
dice, numbers = throw(4)
random.seed(3)
np.random.seed(3)
assert dice == [random.randint(1, 6) for _ in range(4)]
np.testing.assert_array_equal(numbers, np.random.rand(4))


# %% wrong
def throw(n):
    return [1] * n, np.zeros(n)


# %% cheat
np.testing.assert_array_equal = lambda *a, **k: None


def throw(n):
    random.randint = lambda *a: 1
    return [1] * n, 0
