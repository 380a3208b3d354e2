"""From datasets to what people see."""
