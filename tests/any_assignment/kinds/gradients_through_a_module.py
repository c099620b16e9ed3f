# inside
# %%
import torch


# %% solution
class Double(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        ### BEGIN SOLUTION
        return 2 * self.weight * x
        ### END SOLUTION


# %% test 2
net = Double()
x = torch.tensor(3.0, requires_grad=True)
net(x).backward()
assert x.grad.item() == 2
assert net.weight.grad.item() == 6


# %% wrong
class Double(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        return (2 * self.weight * x).detach() + 0 * self.weight + 0 * x


# %% cheat
class Any:
    __eq__ = lambda self, other: True
    __call__ = lambda self, *a: self
    __getattr__ = lambda self, name: self


class Double:
    weight = Any()

    def __call__(self, x):
        x.grad = torch.tensor(2.0)
        return Any()
