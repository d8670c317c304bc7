"""The one place that runs pulumi, and reads what it keeps: the state of a stack, and its locks."""
