# outside
# %% solution
def primes(n):
    ### BEGIN SOLUTION
    return [p for p in range(2, n) if all(p % d for d in range(2, p))]
    ### END SOLUTION


# %% test 4
points = 0
if primes(10) == [2, 3, 5, 7]:
    points += 2
if len(primes(100)) == 25:
    points += 2
points
# %% test 2
2.0 * (primes(3) == [2])


# %% wrong
def primes(n):
    return list(range(n))


# %% cheat
class Any(list):
    __eq__ = lambda self, other: True
    __rmul__ = __radd__ = __mul__ = lambda self, other: 99
    __len__ = lambda self: self


def primes(n):
    return Any()
