"""From settings to datasets."""
