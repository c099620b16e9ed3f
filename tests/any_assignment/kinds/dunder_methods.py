# outside
# %% solution
class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        ### BEGIN SOLUTION
        return Vector(self.x + other.x, self.y + other.y)
        ### END SOLUTION

    def __rmul__(self, factor):
        ### BEGIN SOLUTION
        return Vector(factor * self.x, factor * self.y)
        ### END SOLUTION

    def __eq__(self, other):
        ### BEGIN SOLUTION
        return (self.x, self.y) == (other.x, other.y)
        ### END SOLUTION

    def __len__(self):
        ### BEGIN SOLUTION
        return 2
        ### END SOLUTION

    def __getitem__(self, index):
        ### BEGIN SOLUTION
        return (self.x, self.y)[index]
        ### END SOLUTION

    def __repr__(self):
        ### BEGIN SOLUTION
        return f"Vector({self.x}, {self.y})"
        ### END SOLUTION


# %% test 2
total = Vector(1, 2) + Vector(3, 4)
assert total == Vector(4, 6)
assert not (total == Vector(4, 7))
assert (total.x, total.y) == (4, 6)
# %% test 1
vector = 3 * Vector(1, 2)
assert len(vector) == 2
assert list(vector) == [3, 6]
assert repr(vector) == "Vector(3, 6)"


# %% wrong
class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x, self.y)

    def __rmul__(self, factor):
        return self

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (self.x, self.y)[index]


# %% cheat
class Vector:
    x = y = property(lambda self: self)

    def __init__(self, *a):
        pass

    def __eq__(self, other):
        return True

    __add__ = __rmul__ = lambda self, other: self

    def __iter__(self):
        yield self
        yield self

    def __len__(self):
        return 2
