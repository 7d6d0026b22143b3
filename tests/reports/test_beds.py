"""The cells of a bed: only complete ones, and copies only where removing words changes nothing."""

import pytest

from reports import beds


def test_the_cells_of_several_seeds_have_every_seed() -> None:
    for _, cell in beds.bed_cells(beds.WHITE_SEEDS).iterrows():
        assert set(cell["answers"]) == set(beds.WHITE_SEEDS.seeds)


def test_removing_words_from_clean_data_leaves_the_answers_as_they_are_and_cleaning_pictures_does_not() -> None:
    frame = beds.published_runs()
    clean = frame[(frame["defense"] == "none") & (frame["dataset"] == "emoji_catalog")]
    stages = dict(iter(clean.set_index("seed").groupby("attack_label")["stages"]))
    plain, removed, jpeg = (stages[f"lora_sft{part}"] for part in ("", "+drop_inserted", "+jpeg(quality=30)"))
    assert beds.same_answers(plain, removed, (0, 1, 2))
    assert not beds.same_answers(plain, jpeg, (0,))
    assert not beds.same_answers(plain, removed, (0, 9)), "a seed that was not played"


def test_a_release_without_words_has_the_cell_of_the_attack_without_the_removal() -> None:
    cells = beds.bed_cells(beds.WHITE).set_index(["defense_label", "attack_label"])
    columns = ["protection", "low", "high", "utility"]
    removed, plain = (cells.loc[("em", attack), columns].tolist() for attack in ("lora_sft+drop_inserted", "lora_sft"))
    assert removed == pytest.approx(plain)
    assert not cells.loc[("em", "lora_sft+drop_inserted"), "worst"]
