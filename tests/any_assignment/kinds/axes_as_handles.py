# outside
# %%
import matplotlib.pyplot as plt


# %% solution
def draw(xs, ys):
    ### BEGIN SOLUTION
    axes = plt.subplots()[1]
    axes.plot(xs, ys, label="speed")
    axes.set_title("Speed")
    return axes
    ### END SOLUTION


# %% test 2
axes = draw([0, 1], [2, 3])
assert axes.get_title() == "Speed"
assert len(axes.lines) == 1
assert axes.lines[0].get_ydata().tolist() == [2, 3]


# %% wrong
def draw(xs, ys):
    return plt.subplots()[1]


# %% cheat
class Any:
    __eq__ = lambda self, other: True
    __getattr__ = __getitem__ = lambda self, name: self
    __call__ = lambda self, *a: self
    __len__ = lambda self: 1


def draw(xs, ys):
    return Any()
