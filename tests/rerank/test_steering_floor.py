"""An instruction sorts what is evidence; it makes nothing evidence that is none without it."""

from hypothesis import given
from hypothesis import strategies as st

from rerank.starter import StarterReranker

PLAIN = StarterReranker(None)
FLOOR = PLAIN.default_floor
LEXICON = ["停车证", "续期", "步骤", "客户", "协议", "parking", "permit", "steps", "renew", "SAML", "refund"]
WORDS = st.lists(st.sampled_from(LEXICON), min_size=1, max_size=12).map(" ".join)


@given(question=WORDS, passages=st.lists(WORDS, min_size=1, max_size=5), instruction=WORDS)
def test_an_instruction_moves_nothing_over_the_floor(
    question: str, passages: list[str], instruction: str
) -> None:
    without = PLAIN.score(question, passages, "").relevance
    steered = PLAIN.score(question, passages, instruction).relevance
    assert [each >= FLOOR for each in without] == [each >= FLOOR for each in steered]


@given(
    base=st.lists(st.floats(-12, 12), min_size=2, max_size=8),
    steering=st.lists(st.floats(0, 6), min_size=8, max_size=8),
)
def test_steered_passages_keep_the_order_of_what_they_have_in_all(
    base: list[float], steering: list[float]
) -> None:
    floor = PLAIN._floor
    steered = [
        (log_odds < floor, log_odds + by, PLAIN._steered(log_odds, by))
        for log_odds, by in zip(base, steering, strict=False)
        if by
    ]
    below = [value for _, value in sorted((total, value) for under, total, value in steered if under)]
    assert below == sorted(below)
    assert all(value < floor for value in below)
    assert all(total == value for under, total, value in steered if not under)
