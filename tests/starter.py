"""What the starter models of this checkout call themselves."""

from rerank.starter import StarterReranker
from retrieval.starter_embedder import StarterEmbedder
from retrieval.starter_table import starter_table

RERANKER = StarterReranker(None).identity
EMBEDDER = StarterEmbedder(starter_table()).identity
