"""The map itself: its steps, its theory and its thresholds; knows no file, cluster or figure."""
