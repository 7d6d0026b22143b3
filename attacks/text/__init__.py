"""What is done to the questions and answers of the release, once, before training."""
