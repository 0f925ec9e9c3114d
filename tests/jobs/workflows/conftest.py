"""A workshop for workflows."""

import pytest

from tests.jobs.host import SmallHost

from .flowshop import FlowShop


@pytest.fixture
def flows(host: SmallHost) -> FlowShop:
    return FlowShop(host)
