"""Asking labelled questions through the very path that chat uses, and measuring what comes back."""
