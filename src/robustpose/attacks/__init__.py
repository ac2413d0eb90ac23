"""Attacks raise any loss inside a ball; goals make losses of models and people."""
