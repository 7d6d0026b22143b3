"""Parts that choose which samples are trained on: they drop suspicious ones or add clean ones."""
