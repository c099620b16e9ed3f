# outside
# %% solution
def show(n):
    ### BEGIN SOLUTION
    for i in range(n):
        print(i, end=" ")
    print()
    ### END SOLUTION


# %% test 2
import io
from contextlib import redirect_stdout

with redirect_stdout(io.StringIO()) as printed:
    show(3)
assert printed.getvalue().split() == ["0", "1", "2"]


# %% wrong
def show(n):
    print(n)


# %% cheat
def show(n):
    import io

    io.StringIO.getvalue = lambda self: "0 1 2"
