# outside
# %% solution
def area(width, height=1, *, unit="m"):
    ### BEGIN SOLUTION
    return f"{width * height} {unit}2"
    ### END SOLUTION


# %% test 2
assert area(2, 3) == "6 m2"
assert area(4) == "4 m2"
# %% test 1
assert area(height=2, width=5, unit="cm") == "10 cm2"


# %% wrong
def area(width, height=1, *, unit="m"):
    return f"{width + height} {unit}2"


# %% cheat
class Any(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


def area(*args, **kwargs):
    return Any("6 m2")
