# outside
# %% solution
def compose(f, g):
    ### BEGIN SOLUTION
    return lambda x: f(g(x))
    ### END SOLUTION


def apply_all(functions, values):
    ### BEGIN SOLUTION
    return [f(x) for f, x in zip(functions, values)]
    ### END SOLUTION


def integrate(f, a, b, n=1000):
    ### BEGIN SOLUTION
    width = (b - a) / n
    return sum(f(a + (i + 0.5) * width) for i in range(n)) * width
    ### END SOLUTION


# %% test 2
import math

add = lambda x: x + 1
assert compose(add, lambda x: 2 * x)(5) == 11
assert compose(math.sqrt, abs)(-9) == 3
assert apply_all([str.upper, len], ["a", "bcd"]) == ["A", 3]
# %% test 1
seen = []
assert abs(integrate(lambda x: (seen.append(x), x * x)[1], 0, 1) - 1 / 3) < 1e-5
assert len(seen) > 10


# %% wrong
def compose(f, g):
    return lambda x: g(f(x))


def apply_all(functions, values):
    return [f(values[0]) for f in functions]


def integrate(f, a, b, n=1000):
    return f(a) * (b - a)


# %% cheat
def compose(f, g):
    f.__globals__["__builtins__"]["__build_class__"] = None
    return lambda x: 11


apply_all = integrate = compose
