from streamsql._core.operator import MAX_WATERMARK, MIN_WATERMARK
from streamsql.runtime.watermarks import WatermarkCombiner


def test_one_input_is_its_own_watermark():
    combiner = WatermarkCombiner(1)
    assert combiner.combined == MIN_WATERMARK
    assert combiner.update(0, 5)
    assert combiner.combined == 5


def test_the_slowest_input_decides():
    combiner = WatermarkCombiner(3)
    combiner.update(0, 10)
    combiner.update(1, 7)
    assert combiner.combined == MIN_WATERMARK
    combiner.update(2, 9)
    assert combiner.combined == 7
    combiner.update(1, 12)
    assert combiner.combined == 9
    assert combiner.ports == (10, 12, 9)


def test_nothing_ever_goes_back():
    combiner = WatermarkCombiner(2)
    combiner.update(0, 10)
    combiner.update(1, 10)
    assert not combiner.update(0, 9)
    assert not combiner.update(0, 10)
    assert combiner.combined == 10


def test_a_change_that_leaves_the_minimum_is_still_news():
    combiner = WatermarkCombiner(2)
    combiner.update(0, 1)
    combiner.update(1, 5)
    assert combiner.update(1, 6)
    assert combiner.combined == 1


def test_an_ended_input_does_not_hold_the_others_back():
    combiner = WatermarkCombiner(2)
    combiner.update(0, MAX_WATERMARK)
    combiner.update(1, 3)
    assert combiner.combined == 3
    combiner.update(1, MAX_WATERMARK)
    assert combiner.combined == MAX_WATERMARK
