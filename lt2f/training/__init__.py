"""Where the map comes from: the noise of mini-batches."""
