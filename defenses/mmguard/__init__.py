"""MMGuard: binding.py (attention losses), trigger.py (HotFlip), methods.py (the variants and ablations)."""
