"""Run each test that takes `sample` once per clean file of every source; those of transport on two."""

import pytest
from loader_samples import identify, of_known_layouts, of_transport, samples


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" not in metafunc.fixturenames or hasattr(metafunc.module, "sample"):
        return  # the file has a fixture of its own
    if any("sample" in marker.args[0] for marker in metafunc.definition.iter_markers("parametrize")):
        return  # the test itself says which
    wanted = samples()
    if metafunc.definition.get_closest_marker("transport"):
        wanted = of_transport()
    elif metafunc.definition.get_closest_marker("known_layouts"):
        wanted = of_known_layouts()
    metafunc.parametrize("sample", wanted, ids=identify)
