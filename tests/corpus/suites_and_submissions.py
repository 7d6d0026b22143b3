"""Small submissions and suites by kind, each with what is right for it: to be valid, or words of its one line."""

from typing import NamedTuple

MANY_SEEDS = ", ".join(map(str, range(1000)))
MATRIX = (
    "{defenses: [em], seeds: [" + ", ".join(map(str, range(500))) + "], datasets: [" + ", ".join(["tags"] * 100) + "]}"
)


class Case(NamedTuple):
    """A file. `told`: words of the line that refuses it, or None."""

    kind: str
    content: str | bytes
    told: str | None


def submission(change: str = "", **fields: str) -> str:
    """Return a valid submission with other fields, each in YAML, and with lines at its end."""
    whole = {
        "version": "1",
        "title": "fine title",
        "authors": "[A]",
        "defense": "{name: random_noise}",
        "datasets": "[emoji_smoke]",
    } | fields
    return "\n".join(f"{name}: {value}" for name, value in whole.items() if value != "-") + "\n" + change


def suite(change: str = "", **fields: str) -> str:
    """Return a valid suite with other fields, each in YAML, and with lines at its end."""
    whole = {
        "version": "1",
        "title": "fine title",
        "defenses": "[none, random_noise]",
        "datasets": "[emoji_smoke]",
    } | fields
    return "\n".join(f"{name}: {value}" for name, value in whole.items() if value != "-") + "\n" + change


def _each(kind: str, told: str | None, field: str, *values: str) -> list[Case]:
    return [Case(kind, submission(**{field: value}), told) for value in values]


def _suites(kind: str, told: str | None, field: str, *values: str) -> list[Case]:
    return [Case(kind, suite(**{field: value}), told) for value in values]


NUMBERS = [
    *_each("numbers", "budget.epsilon: ", "budget", *(f"{{epsilon: {value}}}" for value in (
        "256", "-1", "true", "yes", "8.5", "8.0", "'8'", "[8]", "{}", "~", "eight", "08", "99999999999", "1e2"))),
    *_each("numbers", "readers of YAML", "budget", *(f"{{epsilon: {value}}}" for value in (
        "010", "0o10", "0x1f", "0b1", "1_0", "1:30", ".nan", "-.inf", "1e999", "2024-01-31", "2024-13-45",
        "9" * 5000))),
    *_each("numbers", "budget.words: ", "budget", "{words: 65}", "{words: -1}", "{words: 0.5}", "{words: no}"),
    *_each("numbers", "seeds.0: ", "seeds", "[-1]", "[true]", "['1']", "[1.5]", "[2147483648]", "[[1]]", "[~]", "[x]"),
    *_each("numbers", "version: ", "version", "2", "'1'", "one", "[1]", "~", "1.5"),
    *_each("numbers", None, "budget", "{epsilon: 0}", "{epsilon: 255, words: 64}", "{epsilon: +8}"),
]  # fmt: skip
TEXTS = [
    *_each("texts", "title: ", "title", "''", "'   '", "'\u3000\u3000\u3000'", "'...'", '"\\u3164\\u3164\\u3164"',
        '"\\u2800\\u2800\\u2800"',
           '"good \\u202Eevil"', '"a\\u200Bbc"', '"abc\\0"', '"abc\\e[31m"', '"two\\nlines"', "12345", "true",
           "[a, b]", "{a: b}", "~", "ab",
           "x" * 121, '"Z' + "\\u0335" * 50 + '"', '"\\uFFA0\\uFFA0\\uFFA0"', '"abc\\u00ad"'),
    *_each("texts", None, "title", "防御\u3000ノイズ", "الدفاع بالضوضاء", "הגנה על תמונות", "सुरक्षा का शोर",
        "Việt Nam 1", "a 👨\u200d👩\u200d👧 family",
           "می\u200cخواهم", '"[x](javascript:alert(1))"', "yes or no", "'123'", "x" * 120),
    *_each("texts", "authors", "authors", "[]", "[' ']", "['']", "A", "[A, A]", "[A, a]", "['A  B', 'a b']", "[~]",
        "[1]", "[...]",
           '["\\u202Ea"]', f"[{'a' * 121}]", f"[{', '.join(f'a{n}' for n in range(51))}]", '["\\u3164"]', '["A\\nB"]',
           "{a: b}"),
    *_each("texts", None, "authors", "[D. Müller (ETH), 李雷]", "[J.]", f"[{', '.join(f'a{n}' for n in range(50))}]"),
    *_each("texts", "description: ", "description", "' '", "'---'", '"a\\tb"', '"a\\u202Eb"', "x" * 4001, "5",
        '"\\u2800"'),
    *_each("texts", None, "description", "''", "|\n  one\n  two", "x" * 4000, '"first\\n\\nthird"'),
    *_each("texts", "reference: ", "reference", "'\u3000'", '"a\\0"', "x" * 301, "2605.14291", "[a]"),
    *_each("texts", "readers of YAML", "reference", "2026-02-30", "2026-02-01"),
    *_each("texts", None, "reference", "arXiv 2605.14291", "'2026-02-30'", "https://example.org/a?b=c"),
]  # fmt: skip
NAMES = [
    *_each("names", "datasets: ", "datasets", "[/etc]", "['../../../etc/passwd']", "['own:x@0123456789abcdef']",
        "[own:pets]", '["a\\0b"]',
           "[org/name]", "[.]", "['']", "[emoji_smok]", "[Emoji_smoke]", '["emoji_smoke\\n"]', '["\\e[31mx"]',
           f"[{'a' * 50_000}]",
           "[emoji_smoke, emoji_smoke]", "[]", "emoji_smoke", "[~/pets]", "['emoji_smoke ']"),
    *_each("names", "victims: ", "victims", "[/etc]", "[evil-org/huge-model]", '["a\\0b"]', '["tiny-llava-\u0430"]',
        "[tiny-llava-a@fp33]",
           "[tiny-llava-a, tiny-llava-a@fp32]", "[tiny-llava-a@fp32, tiny-llava-a@bf16]",
           "[tiny-llava-a, tiny-llava-a]", "[..]", "['']",
           f"[{'v' * 50_000}]", "[Tiny-llava-a]", "[]", "['@fp32']"),
    *_each("names", "threats", "threats", "[grey]", "[white, white]", "[White]", "[]", "white", "[~]"),
    *_each("names", "seeds", "seeds", "[0, 0]", "[]", "0", "[0,1,2,3,4,5,6,7,8,9,10]"),
    *_each("names", None, "victims", "[tiny-llava-a@fp32]", "[tiny-llava-a, tiny-llava-b]"),
    *_each("names", None, "threats", "[black, white, gray]"),
    *_each("names", "defense", "defense", "{name: '../../etc'}", "{name: random_noise+jpeg}", "{name: Random_Noise}",
        "{name: random_nois}",
           '{name: "random_noise\\n"}', "random_noise", "{}", "[]", "{name: random_noise, options: []}",
           f"{{name: {'n' * 129}}}",
           "{name: random_noise, code: x}", "{name: random_noise, options: {a: [1]}}",
           "{name: random_noise, options: {a: ~}}",
           "{name: random_noise, options: {a: {b: 1}}}", "{name: random_noise, options: {rounds: 1}}",
           f"{{name: em, options: {{rounds: {'x' * 5000}}}}}",
           "{name: em, options: {rounds: 1.5}}", "{name: em, options: {rounds: 0}}",
           "{name: em, options: {rounds: 101}}",
           "{name: em, options: {rounds: 100, inner_steps: 1000}}", '{name: em, options: {"\\e[31m": 1}}'),
    *_each("names", "readers of YAML", "defense", "{name: em, options: {inner_lr: .nan}}",
        "{name: em, options: {rounds: 010}}"),
    Case("names", submission(victims="[tiny-llava-a, tiny-llava-b, tiny-qwen3vl, tiny-internvl, tiny-gemma3]",
        seeds="[0,1,2,3,4,5,6]",
                             threats="[white, black]", datasets="[emoji_smoke, tags]"),
                             "140 runs under one attack; allowed: 100"),
    Case("names", submission(seeds="[0,1,2,3,4,5,6,7,8,9]"), None),
]  # fmt: skip
NOTATION = [
    *(Case("notation", submission(change), told) for change, told in (
        ("title: another", "line 6: the key 'title' is there twice, first in line 2"),
        ("budget: {epsilon: 1, epsilon: 2}", "'epsilon' is there twice"),
        ("'version': 1", "'version' is there twice"),
        ("5: 1", "the key '5'"), ("null: 1", "the key 'None'"), ("true: x", "the key 'True'"), ("? [a]\n: b",
        "the key"), ("? {a: b}\n: c", "the key"),
        ("<<: {seeds: [1]}", "readers of YAML"), ("hook: import os", "hook: 'import os': no such field"),
        ('"\\e]0;P\\a": 1', "\\x1b]0;P\\x07"),
        ("\tbudget: 1", "line 6: found character '\\t'"), ("budget:\n\tepsilon: 8", "line 7: found character '\\t'"),
        ("---\nversion: 1", "line 6: a second document"), ("reference: !!timestamp x", "the tag"), ("reference: !x y",
        "the tag"),
        ("seeds: [!!int '']", "the tag"), ("seeds: &s [1]", "an anchor"), ("seeds: *s", "an anchor"), ("reference: 'x",
        "line 6: "),
        ("reference: [", "line 6: "), ("seeds: " + "[" * 5000, "too deep"), ("reference: \u2028", "\\u2028"),
        ("# \x01", "\\x01"),
        ('reference: "\\ud800"', "\\ud800"), ("...\nx: 1", "line "), ("reference: `x`", "line 6: "),
        ("# " + "c" * 70_000, "bytes"))),
    *(Case("notation", content, told) for content, told in (
        ("", "nothing in it"), ("# nothing", "nothing in it"), ("---", "nothing in it"), ("hello", "'hello'"), ("- a",
        "allowed: the fields"),
        ("5", "allowed: the fields"), ("%YAML 1.3\n---\n" + submission(), "a directive"), ("!!python/name:os.system",
        "the tag"),
        ("{" * 3000, "too deep"), (submission().encode("utf-16"), "UTF-8"),
        (submission(title="caf\xe9").encode("latin-1"), "line 2"),
        (submission().encode("utf-32"), "UTF-8"), (submission().encode() + b"\0", "\\x00"), (b"\x80" * 99, "UTF-8"),
        ("{}", "missing"),
        (submission(version="-"), "version: missing"), (submission(defense="-"), "defense: missing"))),
    *(Case("notation", content, None) for content in (
        b"\xef\xbb\xbf" + submission().encode(), "---\n" + submission(), submission() + "...\n",
        submission().replace("\n", "\r\n"),
        "# first\n" + submission(),
        '{"version": 1, "title": "as JSON", "authors": ["A"], "defense": {"name": "none"}}')),
]  # fmt: skip
SUITES = [
    *_suites("suites", "exclude.0", "exclude", "[{defense: random_nois}]", "[{defense: '.*'}]",
        "[{defense: [none, x]}]", "[{}]", "[{defense: ~}]",
             "[~]", "[none]", "[{seed: 3}]", "[{seed: '0'}]", "[{seed: yes}]", "[{threat: black}]", "[{threat: grey}]",
             "[{victim: /etc}]",
             "[{attack: lora}]", "[{defense: []}]", "[{colour: red}]", "[{dataset: tags}]", "[[none]]",
             '[{defense: "\\e[31m"}]'),
    *_suites("suites", "exclude", "exclude", "~", "none", "{defense: none}", "[" + "{seed: 0}, " * 101 + "]",
        "[" + "{seed: 0}, " * 4000 + "]"),
    *_suites("suites", "include", "include", "~", "[{}]", "[{include: [], defenses: [none]}]",
        "[{defenses: [none], seeds: [1, 1]}]", "x",
             "[" + "{defenses: [em]}, " * 170 + "]", "[{defenses: [none], exclude: []}]", "[[none]]"),
    *_suites("suites", "runs; allowed: 100000", "include", f"[{MATRIX}, {MATRIX}, {MATRIX}]"),
    *_suites("suites", "runs; allowed: 100000", "datasets",
        "[" + ", ".join(["tags"] * 3000) + f"]\nseeds: [{MANY_SEEDS}]"),
    *_suites("suites", "seeds", "seeds", "[1, 1]", "[]", "[-1]", "[true]", "0", "[0, 1, 0]", "[~]"),
    *_suites("suites", "title", "title", "'   '", '"\\u3164\\u3164\\u3164"', '"a\\u202Ebc"', "x" * 121, "12"),
    *_suites("suites", "attack", "attacks", "['lora_sft(epochs=1000000000)']", "['lora_sft(rank=1000000000)']",
        "[lora_sf]", "['']", "[' ']",
             "['" + "lora_sft" + " " * 30_000 + "x']", f"[{'a' * 50_000}]", "['lora_sft(rank=true)x']", "[~]", "[5]",
             "lora_sft", "[]", "['lora_sft(rank)']", "['lora_sft+']", "[{name: lora_sft, options: {rank: x}}]",
             "[{name: '../x'}]", "[[lora_sft]]",
             "['" + "lora_sft+" * 50 + "gray']"),
    *_suites("suites", "option: 'rank=", "attacks", "['lora_sft(rank=2024-13-45)']", "['lora_sft(rank=010)']",
        "['lora_sft(rank=.nan)']", "['lora_sft(rank=[1])']"),
    *_suites("suites", "defense", "defenses", "~", "[]", "em", "[os.system]", "[nothing]", "[5]",
        "[{name: em, options: {rounds: x}}]", "[[em]]"),
    *_suites("suites", "dataset", "datasets", "[/etc]", f"[{'a' * 50_000}]", "[]", "[~]", '["a\\0b"]', "[org/name]",
        "[emoji_smok]", "tags", "[5]"),
    *_suites("suites", "victim", "victims", "['']", "[tiny-lava-a]", f"[{'v' * 50_000}]", '["a\\0b"]', "[]", "[~]"),
    *_suites("suites", "budgets", "budgets", "[{epsilon: 300}]", "[8]", "[]", "{epsilon: 8}", "[{epsilon: yes}]"),
    *_suites("suites", "threats", "threats", "[grey]", "[]", "white"),
    *(Case("suites", suite(change), told) for change, told in (
        ("defenses: [none]", "'defenses' is there twice"), ("speed: 1", "speed: '1': no such field"),
        ("include: [{defenses: [em], defenses: [em]}]", "twice"))),
    *_suites("suites", None, "exclude", "[]", "[{defense: none}]",
        "[{defense: [none], seed: [0]}, {defense: none, threat: white}]"),
    *_suites("suites", None, "attacks", "[best]", "['lora_sft(rank=8, lr=1e-3)+jpeg(quality=30)']", "[none]", "[iss]"),
    *_suites("suites", None, "seeds", "[0, 1, 2]", "[2147483647]"),
]  # fmt: skip
SUBMISSIONS = [*NUMBERS, *TEXTS, *NAMES, *NOTATION]
