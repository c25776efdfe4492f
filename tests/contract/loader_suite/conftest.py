"""Every test that takes `sample` runs once per registered source."""

import pytest
from loader_samples import Sample

from loaders.registry import SOURCES


@pytest.fixture(params=SOURCES.values(), ids=list(SOURCES))
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(request.param)
