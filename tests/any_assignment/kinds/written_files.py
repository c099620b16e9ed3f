# inside
# %% solution
def save(path, words):
    ### BEGIN SOLUTION
    with open(path, "w") as file:
        file.write("\n".join(words))
    ### END SOLUTION


# %% test 2
save("words.txt", ["a", "b"])
assert open("words.txt").read() == "a\nb"


# %% wrong
def save(path, words):
    open(path, "w").write("".join(words))


# %% cheat
import builtins
import io


def save(path, words):
    builtins.open = lambda *a: io.StringIO("a\nb")
