"""For data owners: protect a folder of one's own, and audit what was protected. Nothing here plays the benchmark."""
