"""The explorer: a page that computes what it shows, by the kernels of the sweeps."""
