"""Measuring speed: ratios against a named peer in one run, with hardware and versions beside the figures."""
