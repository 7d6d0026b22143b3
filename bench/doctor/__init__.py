"""An examination of this machine: what the suite finds here, what will not work, and how to mend it. No torch."""

from bench.doctor.examine import examine
from bench.doctor.finding import Finding

__all__ = ["Finding", "examine"]
