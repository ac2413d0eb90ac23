"""Training networks: recipe, augmented batches, the loop."""
