"""The dollars of a run are kept, whatever its questions take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.evaluation.purse import Purse, item_cap


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.1, 10), st.floats(0.05, 1), st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.floats(0, 2),
)  # fmt: skip
def test_questions_that_keep_to_their_cap_keep_the_run_to_its_own(
    limit: float, cap: float, shares: list[float], before: float
) -> None:
    purse = Purse(limit, cap, before)

    def one(share: float) -> float:
        if not purse.take():
            return 0.0
        usd = cap * share
        purse.settle(usd)
        return usd

    with ThreadPoolExecutor(4) as pool:
        spent = sum(pool.map(one, shares))
    assert spent == 0.0 or before + spent <= limit + 1e-6
    if before + cap <= limit:
        assert spent > 0 or not any(shares)


def test_what_is_not_known_counts_as_all_that_it_may_be() -> None:
    purse = Purse(1.0, 0.5)
    assert purse.take()
    purse.settle(None)
    assert purse.spent == 0.5
    assert purse.take()
    purse.settle(0.1)
    assert not purse.take()


def test_without_a_limit_there_is_always_room() -> None:
    purse = Purse(None, None)
    assert all(purse.take() for _ in range(100))
    purse.settle(None)
    assert purse.spent == 0.0


def test_the_cap_of_a_question_follows_from_that_of_the_run() -> None:
    assert item_cap(None, None, 10) is None
    assert item_cap(10.0, 0.5, 10) == 0.5
    assert item_cap(10.0, None, 100) == 0.4
    assert item_cap(10.0, None, 2) == 10.0
