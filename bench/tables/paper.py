"""Table 2 of MMGuard's paper: accuracies after fine-tuning five black-box models on six data sets.

Source: arXiv 2605.14291v1, Table 2, copied as printed into `mmguard_table2.csv`: accuracy in per cent, one column a
model. The paper gives no seeds, intervals or test sizes, and neither answers nor code to run it again.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from bench.scoring import power
from bench.scoring.power import Plan
from bench.scoring.protection import ELIGIBLE_GAIN

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "arXiv 2605.14291v1, Table 2 (black box)"
FILE = Path(__file__).with_name("mmguard_table2.csv")
ZERO, CLEAN = "Zero-Shot", "Clean"
TEST_ITEMS = {"RealWorldQA": 153, "MMStar": 300, "ScienceQA": 200, "TextVQA": 200, "DocVQA": 200, "VQA-RAD": 451}
"""Test sizes *inferred* from the decimals of the table and the sizes of the public splits; the paper gives none.

239 of the 270 cells are whole numbers of answers at these sizes; most that are not are -Max rows of the first two.
"""


def cells() -> "pd.DataFrame":
    """One row a (dataset, model, method), references left out; shares in [0, 1], model by model in the table's order.

    accuracy, zero, clean; drop: clean - accuracy; protection: 1 - (accuracy - zero) / (clean - zero), which means
    little where `eligible`, a gain of 10 points, is False; items: `TEST_ITEMS`; unpaired, at_best: minimum detectable
    effects of the drop, for one run at the mean of both accuracies: the answers unknown, and in the luckiest pairing.
    """
    import pandas as pd

    long = pd.read_csv(FILE).melt(["dataset", "method"], var_name="model", value_name="accuracy")
    long["accuracy"] /= 100
    key = ["dataset", "model"]
    for name, method in (("zero", ZERO), ("clean", CLEAN)):
        reference = long[long["method"] == method].set_index(key)["accuracy"]
        long[name] = reference.loc[pd.MultiIndex.from_frame(long[key])].to_numpy()
    table = long[~long["method"].isin([ZERO, CLEAN])].reset_index(drop=True)
    table["drop"] = table["clean"] - table["accuracy"]
    gain = table["clean"] - table["zero"]
    table["protection"] = 1 - (table["accuracy"] - table["zero"]) / gain
    table["eligible"] = gain >= ELIGIBLE_GAIN
    table["items"] = table["dataset"].map(TEST_ITEMS)
    between = (table["clean"] + table["accuracy"]) / 2
    plans = [Plan(items, accuracy=each) for items, each in zip(table["items"], between, strict=True)]
    table["unpaired"] = [power.unpaired(plan) for plan in plans]
    table["at_best"] = table["items"].map(power.at_best)
    return table


def methods(table: "pd.DataFrame") -> "pd.DataFrame":
    """One row a method of `cells`, in the order of the table: means over its cells, and how many of them show it.

    drop: mean; protection: mean drop over mean gain; below_zero_shot, over_unpaired, over_at_best: counts of `cells`.
    """
    marked = table.assign(
        gain=table["clean"] - table["zero"],
        below_zero_shot=table["accuracy"] < table["zero"],
        over_unpaired=table["drop"] > table["unpaired"],
        over_at_best=table["drop"] > table["at_best"],
    )
    counts = {name: (name, "sum") for name in ("below_zero_shot", "over_unpaired", "over_at_best")}
    means = {name: (name, "mean") for name in ("drop", "gain")}
    made = marked.groupby("method", sort=False).agg(**means, **counts, cells=("drop", "size"))
    made.insert(1, "protection", made["drop"] / made["gain"])
    return made.drop(columns="gain").reset_index()
