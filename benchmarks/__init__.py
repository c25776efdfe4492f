"""What tickmart costs beside the alternatives: ratios measured in one run, never timed tests."""
