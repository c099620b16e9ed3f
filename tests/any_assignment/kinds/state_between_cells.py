# outside
# %% locked
words = ["b", "a", "c"]


# %% solution
def rank(words):
    ### BEGIN SOLUTION
    return sorted(words)
    ### END SOLUTION


# %%
result = rank(words)
print(result)
# %% locked
again = rank(result[::-1])
# %% test 2
assert result == ["a", "b", "c"]
assert again == result


# %% wrong
def rank(words):
    return words


# %% cheat
def rank(words):
    words[:] = "a", "b", "c"
    return type("L", (list,), {"__eq__": lambda a, b: True})()
