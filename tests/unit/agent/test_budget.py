import contextlib
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.agent.budget import Budget, BudgetSpent, Meter
from rlm.agent.llm import Usage
from rlm.errors import UsageError


def test_an_unknown_part_makes_the_sum_unknown_but_still_counts() -> None:
    meter = Meter(Budget(tokens=100))
    meter.add(Usage(40, 20, 0.1))
    assert (meter.tokens, meter.usd) == (60, 0.1)
    meter.add(Usage(None, 45, None))
    assert (meter.tokens, meter.usd) == (None, None)
    meter.add(Usage(1, 1, 0.1))
    assert (meter.tokens, meter.usd) == (None, None)
    assert meter.exhausted() is not None


@pytest.mark.parametrize("name", ["turns", "calls", "tokens", "usd", "seconds"])
def test_every_limit_is_kept(name: str) -> None:
    meter = Meter(Budget(**({"turns": None} | {name: 2})))
    assert meter.exhausted() is None
    meter.turns = 2
    for usage in (Usage(1, 1, 2.0), Usage(0, 0, 0.0)):
        with meter.call(last=True):
            meter.add(usage)
    meter._started -= 2
    spent = meter.exhausted()
    assert spent is not None
    assert {"usd": "dollars"}.get(name, name) in spent


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_is_positive(limit: float) -> None:
    with pytest.raises(UsageError, match="positive"):
        Budget(usd=limit)


def test_room_is_kept_for_the_last_call() -> None:
    meter = Meter(Budget(turns=None, usd=1.0))
    meter.add(Usage(1, 1, 0.3))
    assert meter.exhausted() is None  # the next call and the last one still fit
    meter.add(Usage(1, 1, 0.2))
    assert meter.exhausted() is not None


def test_a_call_without_its_price_ends_a_budget_in_dollars() -> None:
    meter = Meter(Budget(usd=1.0))
    meter.add(Usage(1, 1, None))
    assert "without its price" in str(meter.exhausted())


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=40), st.floats(0.01, 5))
def test_a_budget_is_exceeded_by_no_more_than_one_call(costs: list[float], cap: float) -> None:
    meter = Meter(Budget(turns=None, calls=None, usd=cap))
    for cost in costs:
        if meter.exhausted():
            meter.add(Usage(1, 1, cost))  # the wrap-up
            break
        meter.add(Usage(1, 1, cost))
    else:
        return
    assert meter.usd is not None
    assert meter.usd <= cap + 2 * max(costs)


def test_what_is_left_is_said() -> None:
    meter = Meter(Budget(turns=3, usd=0.5))
    meter.turns = 1
    meter.add(Usage(1, 1, 0.2))
    assert meter.left() == "2 turns, $0.300"
    assert Meter(Budget(turns=None)).left() == "no limit"


def test_a_question_yet_to_be_asked_has_all_its_turns_and_seconds() -> None:
    now = 0.0
    meter = Meter(Budget(turns=3, seconds=60, tokens=100), clock=lambda: now)
    meter.turns, now = 1, 50.0
    meter.add(Usage(20, 10, None))
    assert meter.left() == "2 turns, 70 tokens, 10 s"
    before = meter.left(anew=True)
    meter.begin()
    assert before == meter.left() == "3 turns, 70 tokens, 60 s"


def test_a_share_is_given_back_when_it_is_not_spent() -> None:
    meter = Meter(Budget(calls=20))
    first = meter.child(2)
    assert first.budget.calls == 9
    with pytest.raises(BudgetSpent, match="too little for 9 more"):
        meter.child(9)
    first.close()
    assert meter.child(2).budget.calls == 9


@settings(deadline=None)
@given(
    st.lists(st.floats(0.1, 0.2), min_size=1, max_size=60),
    st.integers(1, 6),
    st.floats(0.2, 6),
)
def test_a_tree_keeps_its_budget_while_no_call_is_twice_as_dear_as_those_before(
    costs: list[float], children: int, cap: float
) -> None:
    root = Meter(Budget(turns=None, calls=None, usd=cap))
    left = iter(costs)
    lock = threading.Lock()

    def spend(meter: Meter) -> None:
        last = False
        while not last:
            with lock:
                cost = next(left, None)
            if cost is None:
                return
            last = meter.exhausted() is not None
            try:
                with meter.call(last=last):
                    time.sleep(0.0002)
                    meter.add(Usage(1, 1, cost))
            except BudgetSpent:
                pass

    with root.call():
        root.add(Usage(1, 1, costs[0]))
    meters = []
    with contextlib.suppress(BudgetSpent):
        for number in range(children):
            meters.append(root.child(children - number))
    threads = [threading.Thread(target=spend, args=(meter,)) for meter in meters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for meter in meters:
        meter.close()
    assert root.usd is not None
    assert root.usd <= max(cap, costs[0]) * (1 + 1e-9)
    dearest = max(cost for cost, _ in zip(costs, range(root.calls), strict=False))
    with root.call(last=True):
        root.add(Usage(1, 1, dearest))
    assert root.usd <= (max(cap, costs[0]) + dearest) * (1 + 1e-9)


def test_a_child_begins_nothing_that_the_whole_has_no_room_for() -> None:
    root = Meter(Budget(turns=None, calls=None, usd=1.0))
    with root.call():
        root.add(Usage(1, 1, 0.01))
    first, second = root.child(2), root.child()
    with first.call():
        first.add(Usage(1, 1, 0.98))
    with pytest.raises(BudgetSpent, match="dollars"), second.call():
        pass


def test_while_no_price_is_known_calls_go_one_at_a_time() -> None:
    root = Meter(Budget(usd=1.0))
    begun = threading.Event()

    def second() -> None:
        with root.call():
            begun.set()

    with root.call():
        thread = threading.Thread(target=second)
        thread.start()
        assert not begun.wait(0.1)
        root.add(Usage(1, 1, 0.01))
    assert begun.wait(5)
    thread.join()


def test_a_further_question_has_no_wrap_up_beyond_the_budget() -> None:
    meter = Meter(Budget(calls=3))
    for _ in range(3):
        with meter.call(last=True):
            meter.add(Usage(1, 1, 0.0))
        meter.turns += 1
    meter.begin()
    assert meter.exhausted() is not None
    with pytest.raises(BudgetSpent, match="calls: 3 of 3"), meter.call(last=True):
        pass
