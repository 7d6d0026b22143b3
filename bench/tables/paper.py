"""Table 2 of MMGuard's paper: accuracies after fine-tuning five black-box models on six data sets.

Source: arXiv 2605.14291v1, Table 2, copied as printed into `mmguard_table2.csv`: accuracy in per cent, one column for
each model. The paper gives no seeds, intervals or test sizes, and neither answers nor code to run it again.
"""

from pathlib import Path

import pandas as pd

from bench.scoring import power
from bench.scoring.protection import ELIGIBLE_GAIN

SOURCE = "arXiv 2605.14291v1, Table 2 (black box)"
FILE = Path(__file__).with_name("mmguard_table2.csv")
ZERO, CLEAN = "Zero-Shot", "Clean"
TEST_ITEMS = {"RealWorldQA": 153, "MMStar": 300, "ScienceQA": 200, "TextVQA": 200, "DocVQA": 200, "VQA-RAD": 451}
"""Test sizes *inferred* from the decimals of the table and the sizes of the public splits; the paper gives none.

239 of the 270 accuracies are whole numbers of answers at these sizes. Most of the others are -Max rows of the first two
data sets.
"""


def load_accuracies() -> pd.DataFrame:
    """Return one row for each data set, model and method, model by model in the table's order, as shares in [0,1].

    accuracy: as printed; zero, clean: the references of its model and data set; drop: clean - accuracy; protection:
    1 - (accuracy - zero) / (clean - zero), which means little where `eligible`, a gain of 10 points, is False; items:
    `TEST_ITEMS`; unpaired, at_best: the smallest drops that one run could detect, with the answers unknown, and with
    the luckiest pairing of them; drop_over_unpaired: the drop as a share of `unpaired`.

    >>> load_accuracies().shape[0]
    210
    """
    table = pd.read_csv(FILE).melt(["dataset", "method"], var_name="model", value_name="accuracy")
    table["accuracy"] /= 100
    key = ["dataset", "model"]
    for name, method in (("zero", ZERO), ("clean", CLEAN)):
        reference = table[table["method"] == method].set_index(key)["accuracy"]
        table[name] = reference.loc[pd.MultiIndex.from_frame(table[key])].to_numpy()
    table = table[~table["method"].isin([ZERO, CLEAN])].reset_index(drop=True)
    table["drop"] = table["clean"] - table["accuracy"]
    gain = table["clean"] - table["zero"]
    table["protection"] = 1 - (table["accuracy"] - table["zero"]) / gain
    table["eligible"] = gain >= ELIGIBLE_GAIN
    table["items"] = table["dataset"].map(TEST_ITEMS)
    means = (table["clean"] + table["accuracy"]) / 2
    designs = [power.StudyDesign(items, accuracy=mean) for items, mean in zip(table["items"], means, strict=True)]
    table["unpaired"] = [power.detectable_unpaired(design) for design in designs]
    table["at_best"] = table["items"].map(power.detectable_at_best)
    table["drop_over_unpaired"] = table["drop"] / table["unpaired"]
    return table


def average_methods(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each method of `load_accuracies`, in their order, over its data sets and models.

    drop: mean; protection: mean drop over mean gain; below_zero_shot, over_unpaired, over_at_best: in how many rows the
    accuracy is below zero-shot, and in how many the drop is above the smallest detectable one; cells: of how many rows.
    """
    table = accuracies.assign(
        gain=accuracies["clean"] - accuracies["zero"],
        below_zero_shot=accuracies["accuracy"] < accuracies["zero"],
        over_unpaired=accuracies["drop"] > accuracies["unpaired"],
        over_at_best=accuracies["drop"] > accuracies["at_best"],
    )
    counts = {name: (name, "sum") for name in ("below_zero_shot", "over_unpaired", "over_at_best")}
    means = {name: (name, "mean") for name in ("drop", "gain")}
    methods = table.groupby("method", sort=False).agg(**means, **counts, cells=("drop", "size"))
    methods.insert(1, "protection", methods["drop"] / methods["gain"])
    return methods.drop(columns="gain").reset_index()
