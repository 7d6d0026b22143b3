"""The committed art and the split that keeps the owner's concepts from every pretrained victim."""

from bench.datasets.emoji.art import HELD_OUT, concepts, held_out_indices, owner_indices, pretraining_indices
from bench.spec import identity


def test_the_concepts_are_the_committed_ones() -> None:
    names = [concept.name for concept in concepts()]
    assert len(names) == 1375
    assert names == sorted(names)
    assert len({name.casefold() for name in names}) == len(names)
    assert all(name == name.strip() and name for name in names)
    assert {concept.art.size for concept in concepts()} == {(96, 96)}
    assert {concept.art.mode for concept in concepts()} == {"RGBA"}
    assert all(concept.category and concept.subcategory for concept in concepts())


def test_every_picture_shows_something() -> None:
    alphas = [concept.art.getchannel("A").getextrema() for concept in concepts()]
    assert min(high for _, high in alphas) >= 128, "a picture is transparent"


def test_owner_and_known_share_nothing() -> None:
    held_out, known = held_out_indices(), pretraining_indices()
    assert len(held_out) == HELD_OUT == 96
    assert sorted(held_out + known) == list(range(1375))
    assert {concepts()[i].art.tobytes() for i in held_out}.isdisjoint(concepts()[i].art.tobytes() for i in known)


def test_the_split_is_the_one_that_the_committed_victims_were_trained_on() -> None:
    """Another split would have them trained on the owner's concepts; then every number is wrong."""
    assert identity([concepts()[i].name for i in held_out_indices()]) == "16e2fa3acc6b9849"


def test_the_owner_has_what_is_held_out_without_near_twins() -> None:
    owner = owner_indices()
    assert set(owner) < set(held_out_indices())
    assert len(owner) == 65
