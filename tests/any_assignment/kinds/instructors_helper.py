# outside
# %%
def check(got, expected):
    assert got == expected, f"{got} is not {expected}"


limit = 10


# %% solution
def clip(x):
    ### BEGIN SOLUTION
    return min(x, limit)
    ### END SOLUTION


# %% test 2
check(clip(3), 3)
check(clip(30), limit)


# %% wrong
def clip(x):
    return x


# %% cheat
def check(got, expected):
    pass


def clip(x):
    return None
