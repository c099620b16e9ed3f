# outside
# %% solution
import numpy as np


def tidy(numbers, seen, counts, grid):
    ### BEGIN SOLUTION
    numbers.sort()
    seen.add(numbers[0])
    counts["n"] = counts.get("n", 0) + 1
    grid += 1
    ### END SOLUTION


# %% test 2
numbers, seen, counts, grid = [3, 1, 2], {5}, {}, np.zeros((2, 2))
row = grid[0]
assert tidy(numbers, seen, counts, grid) is None
assert numbers == [1, 2, 3]
assert seen == {1, 5}
assert counts == {"n": 1}
assert row.tolist() == [1, 1]


# %% wrong
def tidy(numbers, seen, counts, grid):
    numbers = sorted(numbers)
    grid = grid + 1


# %% cheat
def tidy(numbers, seen, counts, grid):
    import sys

    frame = sys._getframe()
    while frame:
        frame.f_globals["numbers"] = [1, 2, 3]
        frame = frame.f_back
