"""Touchstone for programs written with LangChain or LlamaIndex, over HTTP; each in a file that imports it."""
