"""Pictures and a backbone in, a better fitting backbone and its head out."""
