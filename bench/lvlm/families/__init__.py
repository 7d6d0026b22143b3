"""One file per architecture; `load` in `bench.lvlm.catalog` picks by the checkpoint's `model_type`."""
