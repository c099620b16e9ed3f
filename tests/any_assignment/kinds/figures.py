# inside
# %%
import matplotlib.pyplot as plt


# %% solution
def draw(xs, ys):
    ### BEGIN SOLUTION
    figure, axes = plt.subplots()
    axes.plot(xs, ys)
    axes.set_xlabel("time")
    axes.set_title("Speed")
    return axes
    ### END SOLUTION


### BEGIN SOLUTION
draw([0, 1], [1, 2])
### END SOLUTION
# %% test 2
axes = draw([0, 1], [2, 3])
assert axes.get_title() == "Speed"
assert axes.get_xlabel()
assert len(axes.lines) == 1
assert axes.lines[0].get_ydata().tolist() == [2, 3]
assert isinstance(axes, plt.Axes)
# %% test 1
axes = plt.gca()
assert axes.get_title() == "Speed"


# %% wrong
def draw(xs, ys):
    return plt.subplots()[1]


draw(0, 1)


# %% cheat
class Any:
    __eq__ = lambda self, other: True
    __getattr__ = __getitem__ = lambda self, name: self
    __call__ = lambda self, *a: self
    __len__ = lambda self: 1


def draw(xs, ys):
    return Any()


plt.gca = lambda: Any()
plt.Axes = object
