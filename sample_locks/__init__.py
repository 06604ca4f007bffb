"""Real lock files, and the recipes of the images that hold what they say."""
