"""Disarming cells that a spreadsheet would run as formulas, and reading them back as they were.

A guarded cell has one apostrophe before it. Everything that begins with apostrophes and then such a
character gets one more, so that nothing is guarded that cannot be told from its guard.
"""

# What Excel, LibreOffice and WPS take for the beginning of a formula, full-width forms too; after a
# tab or a line break some of them look on.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_GUARD = "'"


def guard(cell: str) -> str:
    """Return the cell as it may stand in a CSV file; so are outer spaces, which readers trim."""
    return _GUARD + cell if _needs_guard(cell) else cell


def unguard(cell: str) -> str:
    """Return the cell that ``guard`` was given; cells of other origin lose their outer spaces."""
    if cell.startswith(_GUARD) and _needs_guard(cell[1:]):
        return cell[1:]
    return cell.strip()


def _needs_guard(cell: str) -> bool:
    bare = cell.lstrip(_GUARD)
    return bare.startswith(FORMULA_STARTS) or bare != bare.strip()
