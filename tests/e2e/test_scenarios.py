"""US-P5-01 to 04 as the specification tells them, on processes."""

from tests.e2e.scenarios import Scenarios


class TestScenarios(Scenarios):
    pass
