"""What is claimed of these dynamics, and how the numbers of a study bear it out."""
