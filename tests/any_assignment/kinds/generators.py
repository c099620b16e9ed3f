# outside
# %% solution
def countdown(n):
    ### BEGIN SOLUTION
    while n > 0:
        yield n
        n -= 1
    ### END SOLUTION


class Squares:
    def __init__(self, last):
        self.last = last

    def __iter__(self):
        ### BEGIN SOLUTION
        return (i * i for i in range(self.last))
        ### END SOLUTION


# %% test 2
assert list(countdown(3)) == [3, 2, 1]
numbers = countdown(2)
assert next(numbers) == 2
assert next(numbers) == 1
try:
    next(numbers)
except StopIteration:
    pass
else:
    raise AssertionError("it never ends")
# %% test 1
assert sum(Squares(4)) == 14
assert iter(countdown(1)) is not None


# %% wrong
def countdown(n):
    yield from range(n)


class Squares:
    def __init__(self, last):
        self.last = last

    def __iter__(self):
        return iter(range(self.last))


# %% cheat
class Any(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__


def countdown(n):
    raise StopIteration


class Squares(list):
    def __init__(self, last):
        self.append(Any())
