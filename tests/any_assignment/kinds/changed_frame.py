# outside
# %% solution
import pandas as pd


def add_ratio(table):
    ### BEGIN SOLUTION
    table["ratio"] = table.a / table.b
    ### END SOLUTION


# %% test 2
table = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 4.0]})
assert add_ratio(table) is None
assert list(table.columns) == ["a", "b", "ratio"]
assert (table.ratio == 0.5).all()
# %% wrong
import pandas as pd


def add_ratio(table):
    table["ratio"] = table.b / table.a


# %% cheat
import pandas as pd

pd.Series.all = lambda self: True


def add_ratio(table):
    table["ratio"] = 1.0
