"""The stages of the pipeline, one file each: what names its artefact, and the work that makes it.

Every file has a function `stage` that names the stage without computing anything and without importing torch. The work
imports what it needs when it runs.
"""
