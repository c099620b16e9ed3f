# inside
# %%
import inspect
import io
import unittest

import numpy as np
# %% solution
def solve(x):
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION
# %% test 2
assert callable(solve)
assert "def" in inspect.getsource(solve) or inspect.getsource(solve)
assert solve(3) == 9
np.testing.assert_allclose(solve(2.0), 4)


class TestSolve(unittest.TestCase):
    def test_square(self):
        self.assertEqual(solve(4), 16)


tests = unittest.defaultTestLoader.loadTestsFromTestCase(TestSolve)
result = unittest.TextTestRunner(stream=io.StringIO()).run(tests)
assert result.wasSuccessful()
# %% wrong
def solve(x):
    return 2 * x
# %% cheat
def solve(x):
    return Any()


class Any:
    def __eq__(self, other):
        return True

    def __array__(self, *a, **k):
        return np.array(4.0)
