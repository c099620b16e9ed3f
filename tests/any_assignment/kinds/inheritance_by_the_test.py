# inside
# %% solution
class Animal:
    def speak(self):
        ### BEGIN SOLUTION
        return f"The {self.kind()} says {self.sound()}"
        ### END SOLUTION

    def kind(self):
        return "animal"


# %% test 2
class Dog(Animal):
    def kind(self):
        return "dog"

    def sound(self):
        return "wuff"


assert Dog().speak() == "The dog says wuff"
assert issubclass(Dog, Animal)


# %% wrong
class Animal:
    def speak(self):
        return f"The animal says {self.sound()}"

    def kind(self):
        return "animal"


# %% cheat
class Any(str):
    def __eq__(self, other):
        return True


class Animal:
    def speak(self):
        return Any()
