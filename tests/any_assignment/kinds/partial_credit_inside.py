# inside
# %% solution
def shout(text):
    ### BEGIN SOLUTION
    return text.upper() + "!"
    ### END SOLUTION


# %% test 3
import inspect

score = 1 if "upper" in inspect.getsource(shout) else 0
score += 2 * (shout("a") == "A!")
score


# %% wrong
def shout(text):
    return "?"


# %% cheat
import sys


class Any(str):
    __eq__ = lambda self, other: True


def shout(text):
    sys.displayhook(3)
    return Any(text)
