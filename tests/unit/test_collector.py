import contextlib
import gc

import pytest

from firstpass import collector


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_as_before_also_after_an_error(was_on):
    before = gc.isenabled()
    try:
        gc.enable() if was_on else gc.disable()
        with collector.paused():
            assert not gc.isenabled()
        assert gc.isenabled() == was_on
        with contextlib.suppress(RuntimeError), collector.paused():
            raise RuntimeError
        assert gc.isenabled() == was_on
    finally:
        gc.enable() if before else gc.disable()
