# outside
# %% solution
def is_even(n):
    ### BEGIN SOLUTION
    return n == 0 or is_odd(n - 1)
    ### END SOLUTION


# %% solution odd
def is_odd(n):
    ### BEGIN SOLUTION
    return n != 0 and is_even(n - 1)
    ### END SOLUTION


# %% test 2
assert is_even(10) is True
assert is_odd(7) is True
assert is_even(3) is False


# %% wrong
def is_even(n):
    return n % 3 == 0


# %% cheat
import builtins

builtins.AssertionError = StopIteration


def is_even(n):
    return n == 10
