"""Every test that takes `sample` runs once per clean file of every registered source."""

import pytest
from loader_samples import Sample, identify, samples


@pytest.fixture(params=samples(), ids=identify)
def sample(request: pytest.FixtureRequest) -> Sample:
    sample: Sample = request.param
    return sample
