# outside
# %% solution
class NotEnough(Exception):
    def __init__(self, needed):
        ### BEGIN SOLUTION
        super().__init__(f"{needed} more needed")
        self.needed = needed
        ### END SOLUTION


def withdraw(balance, amount):
    ### BEGIN SOLUTION
    if amount < 0:
        raise ValueError("negative")
    if amount > balance:
        raise NotEnough(amount - balance)
    return balance - amount
    ### END SOLUTION


# %% test 2
import pytest

with pytest.raises(NotEnough) as caught:
    withdraw(10, 15)
assert caught.value.needed == 5
assert "5 more" in str(caught.value)
assert issubclass(NotEnough, Exception)
# %% test 1
try:
    withdraw(1, -1)
except ValueError as error:
    assert "negative" in str(error)
else:
    raise AssertionError("no error")
assert withdraw(3, 1) == 2


# %% wrong
class NotEnough(Exception):
    pass


def withdraw(balance, amount):
    raise NotEnough


# %% cheat
import sys


class NotEnough(BaseException):
    needed = 5


def withdraw(balance, amount):
    sys.exit(0)
