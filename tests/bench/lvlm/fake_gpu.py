"""A fake GPU: tensors that claim to be on another device, and that refuse to be mixed with others as CUDA's do.

All values are computed on the CPU. While a `FakeGPU` is open, torch's operations fail where they would fail on a real
GPU: for tensors of two devices, apart from scalars, indices and copies on the CPU.
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
SUBSTITUTES = {
    aten.convolution_overrideable.default: aten.convolution.default,
    aten.convolution_backward_overrideable.default: aten.convolution_backward.default,
}
CROSS_DEVICE = {aten._to_copy, aten.copy_, aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
"""Operations whose arguments or indices may be on another device."""


class _Hook(_DummyPrivateUse1Hook):
    """Reports no accelerator, because other tests run in the same process."""

    def is_available(self) -> bool:
        return False


class _Module(_DummyBackendModule):
    """The functions of a device that torch's checkpointing calls."""

    def is_available(self) -> bool:
        return False

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None:
        torch.set_rng_state(state)

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend("fakegpu", _Module(), _Hook())
GPU = torch.device("fakegpu:0")
LIBRARY = torch.library.Library("aten", "IMPL")
# torch.tensor([tensor, ...]) reads its elements without asking a mode.
LIBRARY.impl("_local_scalar_dense", lambda tensor: tensor.cpu_values.item(), "PrivateUse1")


class GPUTensor(torch.Tensor):
    """A tensor on the fake GPU; `cpu_values` is the CPU tensor that holds its values."""

    cpu_values: torch.Tensor

    @staticmethod
    def __new__(cls, cpu_values: torch.Tensor) -> "GPUTensor":
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            cpu_values.shape,
            strides=cpu_values.stride(),
            storage_offset=cpu_values.storage_offset(),
            dtype=cpu_values.dtype,
            device=GPU,
        )
        tensor.cpu_values = cpu_values
        return tensor

    def __repr__(self, **_: Any) -> str:
        return f"GPUTensor({self.cpu_values!r})"

    def tolist(self) -> Any:
        return self.cpu_values.tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert fakegpu:0 device type tensor to numpy. Use Tensor.cpu() first.")

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return run(operation, arguments, named or {})


class FakeGPU(TorchDispatchMode):
    """Lets torch create tensors on the fake GPU, and keeps them apart from those on the CPU."""

    def __enter__(self) -> "FakeGPU":
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=) makes them on the CPU and copies them
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch._C._set_only_lift_cpu_tensors(False)

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return run(operation, arguments, named or {})


def run(operation: Any, arguments: Any, named: dict[str, Any]) -> Any:
    """Compute an operation of the fake GPU on the CPU. Raises RuntimeError if tensors of both are mixed."""
    if operation == aten._fused_sdp_choice.default:
        return 0
    tensors = [x for x in tree_flatten((arguments, named))[0] if isinstance(x, torch.Tensor)]
    on_gpu = [isinstance(x, GPUTensor) for x in tensors]
    device = named.get("device")
    if device is not None and torch.device(device).type == "fakegpu":
        named, to_gpu = {**named, "device": torch.device("cpu")}, True
    else:
        to_gpu = any(on_gpu) and device is None
    family = operation.overloadpacket
    arrays_on_cpu = [x for x in tensors if not isinstance(x, GPUTensor) and x.dim()]
    if any(on_gpu) and family not in CROSS_DEVICE and arrays_on_cpu:
        raise RuntimeError(f"Expected all tensors to be on the same device: {operation}")
    if family in CROSS_DEVICE and family not in (aten._to_copy, aten.copy_) and any(on_gpu) and not on_gpu[0]:
        raise RuntimeError(f"indices should be on the same device as the indexed tensor or the CPU: {operation}")
    if family is aten.copy_:
        to_gpu = on_gpu[0]
    originals = {id(x.cpu_values): x for x in tensors if isinstance(x, GPUTensor)}
    plain = tree_map(lambda x: x.cpu_values if isinstance(x, GPUTensor) else x, (arguments, named))
    result = SUBSTITUTES.get(operation, operation)(*plain[0], **plain[1])
    if not to_gpu:
        return result

    def wrap(x: Any) -> Any:
        return originals[id(x)] if id(x) in originals else GPUTensor(x) if isinstance(x, torch.Tensor) else x

    return tree_map(wrap, result)
