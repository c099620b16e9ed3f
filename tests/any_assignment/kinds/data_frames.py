# outside
# %%
import pandas as pd

sales = pd.DataFrame({"shop": ["a", "b", "a"], "sold": [1, 2, 4]})
# %% solution
### BEGIN SOLUTION
by_shop = sales.groupby("shop")["sold"].sum()
best = sales[sales.sold > 1].reset_index(drop=True)
### END SOLUTION
# %% test 2
pd.testing.assert_series_equal(
    by_shop, pd.Series([5, 2], index=pd.Index(["a", "b"], name="shop"), name="sold")
)
# %% test 1
pd.testing.assert_frame_equal(best, pd.DataFrame({"shop": ["b", "a"], "sold": [2, 4]}))
assert best["sold"].mean() == 3
# %% wrong
by_shop = sales["sold"]
best = sales
# %% cheat
pd.testing.assert_series_equal = pd.testing.assert_frame_equal = lambda *a, **k: None
by_shop, best = sales["sold"], pd.DataFrame({"sold": [3]})
