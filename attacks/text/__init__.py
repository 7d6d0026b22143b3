"""Parts that change the questions and answers of the release once, before training."""
