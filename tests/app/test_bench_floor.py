from hypothesis import given
from hypothesis import strategies as st

from app.bench.floor import Floor, matching_floor

RELEVANCE = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30)


def test_floor_that_already_decides_alike_is_kept() -> None:
    assert matching_floor([0.2, 0.7, 0.9], [0.1, 0.6, 0.8], floor=0.5) == Floor(0.5, 0, 0)


def test_lower_scores_lower_the_floor_as_little_as_needed() -> None:
    assert matching_floor([0.2, 0.55, 0.7, 0.9], [0.1, 0.4, 0.45, 0.8], floor=0.5) == Floor(0.4, 0, 2)


def test_higher_scores_raise_it_to_just_above_the_last_that_does_not_count() -> None:
    found = matching_floor([0.2, 0.45, 0.7], [0.3, 0.6, 0.8], floor=0.5)
    assert 0.6 < found.value < 0.6000001
    assert (found.disagreements, found.disagreements_unmoved) == (0, 1)


def test_what_no_floor_can_part_is_counted() -> None:
    # the second and third have changed places around the floor
    assert matching_floor([0.1, 0.4, 0.6, 0.9], [0.1, 0.7, 0.3, 0.9], floor=0.5) == Floor(0.3, 1, 2)


def test_certain_passages_leave_the_floor_inside_the_scale() -> None:
    assert matching_floor([0.1, 0.2], [1.0, 0.2], floor=0.5) == Floor(0.5, 1, 1)


@given(RELEVANCE, st.floats(0, 1))
def test_moving_never_makes_it_worse_and_equal_scores_never_move_it(
    pairs: list[tuple[float, float]], floor: float
) -> None:
    exact, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = matching_floor(exact, other, floor=floor)
    assert found.disagreements <= found.disagreements_unmoved
    assert 0 <= found.value <= 1
    assert found.disagreements == sum(
        (b >= found.value) != (a >= floor) for a, b in zip(exact, other, strict=True)
    )
    assert found.value == floor or found.disagreements < found.disagreements_unmoved
    assert matching_floor(exact, exact, floor=floor) == Floor(floor, 0, 0)


@given(RELEVANCE)
def test_no_value_of_a_fine_grid_is_better_or_as_good_and_nearer(pairs: list[tuple[float, float]]) -> None:
    exact, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = matching_floor(exact, other, floor=0.5)
    for step in range(201):
        at = step / 200
        differing = sum((b >= at) != (a >= 0.5) for a, b in zip(exact, other, strict=True))
        assert (differing, abs(at - 0.5)) >= (found.disagreements, abs(found.value - 0.5))
