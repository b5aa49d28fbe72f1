"""Our dark and light colours: Okabe and Ito's palette, which people of every colour vision can tell apart.

Okabe & Ito, "Color Universal Design" (2008): sky blue #56B4E9, blue #0072B2, bluish green #009E73, yellow #F0E442,
vermillion #D55E00, reddish purple #CC79A7; each lightened or darkened here until its contrast on the background is at
least 4.5 (WCAG AA).
"""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="ftwb-dark",
    primary="#56B4E9",
    secondary="#D590B8",
    accent="#56B4E9",
    success="#2FBF8F",
    warning="#F0E442",
    error="#EE7B45",
    foreground="#D8DCE3",
    background="#14171C",
    surface="#191D23",
    panel="#20252D",
    dark=True,
)
LIGHT: Final = Theme(
    name="ftwb-light",
    primary="#0068A3",
    secondary="#9C3F74",
    accent="#0068A3",
    success="#00704F",
    warning="#7A5B00",
    error="#A84300",
    foreground="#1D2126",
    background="#FAFAF8",
    surface="#F3F3F0",
    panel="#E8E8E4",
    dark=False,
)
OURS: Final = (DARK, LIGHT)
