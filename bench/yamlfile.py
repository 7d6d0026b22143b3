"""Reading untrusted YAML into a closed model: small files, without aliases or tags."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bench.errors import UserError

MAX_BYTES = 64 * 1024
T = TypeVar("T", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses aliases: a few hundred bytes of them can expand to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


def read(file: Path, model: type[T]) -> T:
    """Read a file into a `model`. Raises UserError that names the field, the value and what is allowed."""
    if not file.is_file():
        raise UserError(f"file: {str(file)!r} does not exist")
    if file.stat().st_size > MAX_BYTES:
        raise UserError(f"file: {file.stat().st_size} bytes; allowed: {MAX_BYTES}")
    try:
        return model.model_validate(_Loader(file.read_text(encoding="utf-8")).get_single_data())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"file: not YAML that is allowed here: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise UserError(f"{field}: {str(first['input'])[:80]!r}: {first['msg']}") from None
