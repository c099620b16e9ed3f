# inside
# %% solution
def factorial(n):
    ### BEGIN SOLUTION
    return 1 if n < 2 else n * factorial(n - 1)
    ### END SOLUTION


# %% test 2
import ast
import inspect

tree = ast.parse(inspect.getsource(factorial))
calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)]
assert "factorial" in calls, "use recursion"
assert not any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(tree))
assert factorial(5) == 120


# %% wrong
def factorial(n):
    product = 1
    for i in range(1, n + 1):
        product *= i
    return product


# %% cheat
import inspect

inspect.getsource = lambda f: "factorial(1)"


def factorial(n):
    import math

    return math.factorial(n)
