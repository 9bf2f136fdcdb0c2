"""Whole journeys, wired only here: fit, predict, evaluate, check."""
