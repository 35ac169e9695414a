"""Runs every test_*.py beside it and writes `passed failed` to the file named as argument."""

import pathlib
import sys
import unittest


class Counting(unittest.TextTestResult):
    """Counts tests that passed, which unittest does not."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1


def main(summary: str) -> int:
    here = str(pathlib.Path(__file__).parent)
    suite = unittest.defaultTestLoader.discover(here, top_level_dir=here)
    result = unittest.TextTestRunner(resultclass=Counting, verbosity=2).run(suite)
    failed = len({str(test) for test, _ in result.failures + result.errors}) + len(result.unexpectedSuccesses)
    pathlib.Path(summary).write_text(f"{result.passed} {failed}\n")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
