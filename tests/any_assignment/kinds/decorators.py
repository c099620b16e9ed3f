# outside
# %% solution
import functools


def counted(function):
    ### BEGIN SOLUTION
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper
    ### END SOLUTION


@counted
def greet(name):
    ### BEGIN SOLUTION
    return f"Hello {name}"
    ### END SOLUTION


# %% test 2
@counted
def double(x):
    return 2 * x


assert double(2) == 4
assert double(3) == 6
assert double.calls == 2
assert double.__name__ == "double"
# %% test 1
before = greet.calls
assert greet("Ada") == "Hello Ada"
assert greet.calls == before + 1


# %% wrong
def counted(function):
    return function


def greet(name):
    return name


greet.calls = 0


# %% cheat
class Any:
    calls = 1
    __name__ = "double"

    def __call__(self, *a):
        return self

    def __eq__(self, other):
        return True


def counted(function):
    return Any()


greet = Any()
