"""Augmentations: parts that change a picture anew in every step of training."""
