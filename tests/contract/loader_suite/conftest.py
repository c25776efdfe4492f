"""Run each test that takes `sample` once per clean file of every source; those of transport on two."""

import pytest
from loader_samples import identify, of_transport, samples


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" not in metafunc.fixturenames or hasattr(metafunc.module, "sample"):
        return  # the file has a fixture of its own
    if any("sample" in marker.args[0] for marker in metafunc.definition.iter_markers("parametrize")):
        return  # the test itself says which
    transport = metafunc.definition.get_closest_marker("transport") is not None
    metafunc.parametrize("sample", of_transport() if transport else samples(), ids=identify)
