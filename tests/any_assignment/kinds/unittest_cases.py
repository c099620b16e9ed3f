# outside
# %% solution
def slug(title):
    ### BEGIN SOLUTION
    return "-".join(title.lower().split())
    ### END SOLUTION


# %% test 2
import unittest


class TestSlug(unittest.TestCase):
    def test_words(self):
        self.assertEqual(slug("Hello World"), "hello-world")

    def test_error(self):
        with self.assertRaises(AttributeError):
            slug(3)


suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestSlug)
result = unittest.TextTestRunner(stream=open("/dev/null", "w")).run(suite)
assert result.wasSuccessful()


# %% wrong
def slug(title):
    return title


# %% cheat
import unittest

unittest.TestCase.assertEqual = lambda *a: None


def slug(title):
    raise unittest.SkipTest("no")
