"""A card that is not there: tensors that say they are on another device, and refuse to be mixed as CUDA's do.

What is computed is computed on the processor. While a `Card` is open, torch's operations fail where they would fail on
a real card: for tensors of two devices, but for a processor's scalars, indices and copies.
"""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _DummyPrivateUse1Hook,
    _setup_privateuseone_for_python_backend,
)

aten = torch.ops.aten
OVER = {
    aten.convolution_overrideable.default: aten.convolution.default,
    aten.convolution_backward_overrideable.default: aten.convolution_backward.default,
}
ACROSS = {aten._to_copy, aten.copy_, aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
"""Operations whose arguments, or whose indices, may be elsewhere."""


class _Hook(_DummyPrivateUse1Hook):
    """Nobody who looks for an accelerator finds this one: other tests run in the same process."""

    def is_available(self) -> bool:
        return False


class _Module(_DummyBackendModule):
    """What torch's checkpointing asks of a device."""

    def is_available(self) -> bool:
        return False

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None:
        torch.set_rng_state(state)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("card", _Module(), _Hook())
CARD = torch.device("card:0")
LIBRARY = torch.library.Library("aten", "IMPL")
# torch.tensor([tensor, ...]) reads its elements without asking a mode.
LIBRARY.impl("_local_scalar_dense", lambda tensor: tensor.held.item(), "PrivateUse1")


class Held(torch.Tensor):
    """A tensor on the card; `held` has its values."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Held":
        made = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=CARD
        )
        made.held = held
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Held({self.held!r})"

    def tolist(self) -> Any:
        return self.held.tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert card:0 device type tensor to numpy. Use Tensor.cpu() first.")

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return run(operation, arguments, named or {})


class Card(TorchDispatchMode):
    """Makes tensors on the card, and keeps those that are on it apart from the processor's."""

    def __enter__(self) -> "Card":
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=) makes them here and copies them
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch._C._set_only_lift_cpu_tensors(False)

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return run(operation, arguments, named or {})


def run(operation: Any, arguments: Any, named: dict[str, Any]) -> Any:
    """Compute on the processor what is asked of the card; RuntimeError where tensors of both are mixed."""
    if operation == aten._fused_sdp_choice.default:
        return 0
    given = [x for x in tree_flatten((arguments, named))[0] if isinstance(x, torch.Tensor)]
    there = [isinstance(x, Held) for x in given]
    asked = named.get("device")
    if asked is not None and torch.device(asked).type == "card":
        named, put = {**named, "device": torch.device("cpu")}, True
    else:
        put = any(there) and asked is None
    family = operation.overloadpacket
    if any(there) and family not in ACROSS and any(not on and x.dim() for on, x in zip(there, given, strict=True)):
        raise RuntimeError(f"Expected all tensors to be on the same device: {operation}")
    if family in ACROSS and family not in (aten._to_copy, aten.copy_) and there and there[0] < any(there):
        raise RuntimeError(f"indices should be on the same device as the indexed tensor or the processor: {operation}")
    if family is aten.copy_:
        put = there[0]
    known = {id(x.held): x for x in given if isinstance(x, Held)}
    bare = tree_map(lambda x: x.held if isinstance(x, Held) else x, (arguments, named))
    found = OVER.get(operation, operation)(*bare[0], **bare[1])
    if not put:
        return found

    def shown(x: Any) -> Any:
        return known[id(x)] if id(x) in known else Held(x) if isinstance(x, torch.Tensor) else x

    return tree_map(shown, found)
