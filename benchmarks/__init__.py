"""What an audit costs, as ratios against named references measured in the same run."""
