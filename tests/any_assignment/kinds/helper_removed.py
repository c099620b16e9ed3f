# outside inside outside
# %% locked
def square(x):
    return x * x


# %% solution
def sum_of_squares(xs):
    ### BEGIN SOLUTION
    return sum(square(x) for x in xs)
    ### END SOLUTION


# %% test 1
assert sum_of_squares([1, 2]) == 5
# %% test 2
original = square
del square
try:
    sum_of_squares([1, 2])
except NameError:
    pass
else:
    raise AssertionError("call square")
finally:
    square = original
    del original
# %% test 1
square = lambda x: x + 1
assert sum_of_squares([1, 2]) == 5


# %% wrong
def sum_of_squares(xs):
    return sum(x * x + 1 for x in xs)


# %% cheat
import sys


def sum_of_squares(xs):
    sys.exit(0)
