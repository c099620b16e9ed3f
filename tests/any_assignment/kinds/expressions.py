# outside
# %% solution
### BEGIN SOLUTION
square = lambda x: x**2
total = sum(square(x) for x in range(5))
### END SOLUTION
# %%
shown = total + 1
# %% test 2
assert square(3) == 9
assert total == 30
assert shown == 31
# %% wrong
square = lambda x: x * 3
total = 31
# %% cheat
square = type("S", (), {"__call__": lambda s, x: s, "__eq__": lambda s, o: True})()
total = square
