# outside
# file numbers.csv: 1,2\n3,4\n
# %% locked
from pathlib import Path

lines = Path("numbers.csv").read_text().split()


# %% solution
def column(path, which):
    ### BEGIN SOLUTION
    return [int(line.split(",")[which]) for line in open(path).read().split()]
    ### END SOLUTION


# %% test 2
assert column("numbers.csv", 1) == [2, 4]
assert len(lines) == 2


# %% wrong
def column(path, which):
    return lines


# %% cheat
from pathlib import Path

Path("numbers.csv").write_text("")


def column(path, which):
    return type("L", (list,), {"__eq__": lambda a, b: True})()
