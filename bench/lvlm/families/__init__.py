"""One file for each architecture; `bench.lvlm.catalog.load` chooses by the checkpoint's `model_type`."""
