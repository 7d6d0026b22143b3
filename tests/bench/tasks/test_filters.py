"""The lm-eval filters by name, and the functions that task files name."""

import pytest
from lm_eval.api.registry import get_filter
from lm_eval.tasks import TaskManager

import bench.tasks
from bench import datasets
from bench.datasets import load
from bench.scoring import captions
from bench.tasks import documents, filters

DOCS = [
    {"answer": "sofa", "answers": ["sofa", "couch"], "choices": [], "rule": "exact"},
    {"answer": "B", "answers": [], "choices": ["red", "blue"], "rule": "choice"},
    {"answer": "a dog", "answers": ["a dog", "one dog runs"], "choices": [], "rule": "caption"},
]
SAID = [["It is a couch"], ["blue"], ["Caption: one dog runs."]]


@pytest.mark.parametrize(
    ("name", "answers", "scores"),
    [
        ("strict", ["It is a couch", "blue", "Caption: one dog runs."], [0, 0, 6 / 7]),
        ("lenient", ["couch", "B", "one dog runs"], [1, 1, 1]),
    ],
)
def test_a_filter_reads_each_response_by_the_rule_of_its_document(
    name: str, answers: list[str], scores: list[float]
) -> None:
    answers_read = get_filter(name)().apply(SAID, DOCS)
    assert answers_read == [[answer] for answer in answers]
    scored = [documents.process_results(doc, result) for doc, result in zip(DOCS, answers_read, strict=True)]
    assert [result["score"] for result in scored] == pytest.approx(scores)
    assert [result.keys() for result in scored] == [{"score"}, {"score"}, {"score", "bleu", "cider"}]


def test_filters_are_registered_under_their_names() -> None:
    assert (get_filter("strict"), get_filter("lenient")) == (filters.Strict, filters.Lenient)


def test_corpus_metrics_take_pairs() -> None:
    items = [("a dog runs in the park", ["a dog runs in a park"]), ("two red boats at sea", ["red boats"])]
    hypotheses, references = zip(*items, strict=True)
    assert documents.corpus_bleu(items) == captions.bleu(hypotheses, references) > 0
    assert documents.corpus_cider(items) == captions.cider_d(hypotheses, references) > 0


def test_documents_carry_no_picture_and_know_where_it_is() -> None:
    samples = load("emoji_smoke", "validation")
    doc = documents.load_documents("emoji_smoke", "validation")["test"][3]
    assert {key: doc[key] for key in ("dataset", "split", "item")} == {
        "dataset": "emoji_smoke", "split": "validation", "item": 3,
    }  # fmt: skip
    assert "image" not in doc
    assert documents.doc_to_image(doc)[0] is samples[3].pixels
    assert documents.answer_key(doc) == (samples[3].answer, [], [], "exact")


@pytest.mark.parametrize("name", ["emoji_smoke", "own"])
def test_a_task_has_both_filters_over_one_response(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """lm-eval requests one response for each document."""
    small = load("emoji_smoke", "validation")
    monkeypatch.setattr(datasets, "load", lambda *_: small)
    metadata = {"name": "mine", "split": "validation"}
    manager = TaskManager(include_path=bench.tasks.__path__[0], include_defaults=False, metadata=metadata)
    task = manager.load([name])["tasks"][name]
    task.build_all_requests()
    assert len(task.instances) == len(small)
    assert {request.request_type for request in task.instances} == {"generate_until"}
    for request in task.instances:
        request.resps = [f"the {request.doc['answer']}, I think"]
    task.apply_filters()
    first = task.instances[0]
    assert first.filtered_resps == {"strict": first.resps[0], "lenient": first.doc["answer"]}
    assert first.args[0] == small[0].question
