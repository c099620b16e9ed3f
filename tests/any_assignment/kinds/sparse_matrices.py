# outside
# %% solution
import numpy as np
import scipy.sparse as sp


def laplacian(n):
    ### BEGIN SOLUTION
    return sp.diags_array(
        [-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1]
    ).tocsr()
    ### END SOLUTION


# %% test 2
matrix = laplacian(4)
assert sp.issparse(matrix)
assert matrix.nnz == 10
np.testing.assert_allclose(matrix.toarray()[1], [-1, 2, -1, 0])
# %% wrong
import numpy as np
import scipy.sparse as sp


def laplacian(n):
    return sp.csr_array(np.eye(n))


# %% cheat
import numpy as np
import scipy.sparse as sp

np.testing.assert_allclose = lambda *a, **k: None


def laplacian(n):
    return sp.csr_array(np.ones((2, 5)))
