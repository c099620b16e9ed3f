# outside
# %% solution
class Account:
    """Money."""

    rate = 0.1

    def __init__(self, owner, balance=0):
        ### BEGIN SOLUTION
        self.owner = owner
        self.balance = balance
        ### END SOLUTION

    def deposit(self, amount):
        ### BEGIN SOLUTION
        if amount < 0:
            raise ValueError("too little")
        self.balance += amount
        return self
        ### END SOLUTION

    @property
    def interest(self):
        ### BEGIN SOLUTION
        return self.balance * self.rate
        ### END SOLUTION

    @classmethod
    def empty(cls):
        ### BEGIN SOLUTION
        return cls("nobody")
        ### END SOLUTION


# %% test 2
account = Account("Ada", balance=10)
assert account.owner == "Ada"
assert account.deposit(5) is account
assert account.balance == 15
account.balance = 20
assert abs(account.interest - 2) < 1e-12
assert isinstance(account, Account)
# %% test 1
import pytest

assert Account.empty().owner == "nobody"
with pytest.raises(ValueError, match="little"):
    Account("Bob").deposit(-1)
Account.rate = 0.5
assert Account("Cleo", 10).interest == 5


# %% wrong
class Account:
    rate = 0.1

    def __init__(self, owner, balance=0):
        self.owner, self.balance = balance, owner

    def deposit(self, amount):
        return Account(self.owner, self.balance)

    interest = 0

    @classmethod
    def empty(cls):
        return cls(1)


# %% cheat
class Any:
    def __eq__(self, other):
        return True

    __lt__ = __sub__ = __abs__ = lambda self, *other: self


class Account:
    owner = balance = interest = Any()

    def __init__(self, *a, **k):
        pass

    def deposit(self, amount):
        return Any()

    @classmethod
    def empty(cls):
        return cls()
