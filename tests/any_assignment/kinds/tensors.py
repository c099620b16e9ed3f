# outside
# %%
import torch


# %% solution
def normalise(x):
    ### BEGIN SOLUTION
    return (x - x.mean()) / x.std()
    ### END SOLUTION


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.layer = torch.nn.Linear(3, 2)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return torch.relu(self.layer(x))
        ### END SOLUTION


# %% test 2
x = torch.arange(6.0)
assert torch.allclose(normalise(x), (x - 2.5) / x.std())
# %% test 1
net = Net()
out = net(torch.ones(4, 3))
assert out.shape == (4, 2) and (out >= 0).all()
assert sum(p.numel() for p in net.parameters()) == 8


# %% wrong
def normalise(x):
    return x


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(x)


# %% cheat
torch.allclose = lambda *a: True


def normalise(x):
    return x


class Net:
    shape = (4, 2)
    __call__ = __ge__ = lambda self, x: self
    all = lambda self: True

    def parameters(self):
        return []
