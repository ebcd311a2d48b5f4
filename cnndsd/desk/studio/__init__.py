"""Turns clicks and keys in a browser into sounds: a page to roll, hear, vary, breed and keep them."""
