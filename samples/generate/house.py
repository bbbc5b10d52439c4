"""What all samples share: fonts, sizes, and canvases whose output never changes."""

from pathlib import Path

from reportlab import rl_config
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

# No clock and no random identifier gets into a file: the same text gives the same bytes.
rl_config.invariant = 1

SAMPLES = Path(__file__).resolve().parent.parent
LIBERATION = Path("/usr/share/fonts/truetype/liberation")

FACES = {
    "Serif": "LiberationSerif-Regular",
    "Serif-Bold": "LiberationSerif-Bold",
    "Serif-Italic": "LiberationSerif-Italic",
    "Serif-BoldItalic": "LiberationSerif-BoldItalic",
    "Sans": "LiberationSans-Regular",
    "Sans-Bold": "LiberationSans-Bold",
    "Sans-Italic": "LiberationSans-Italic",
    "Sans-BoldItalic": "LiberationSans-BoldItalic",
    "Mono": "LiberationMono-Regular",
}


def register_fonts():
    """Makes the embedded faces known under short names, with bold and italic found by markup."""
    for name, file in FACES.items():
        pdfmetrics.registerFont(TTFont(name, str(LIBERATION / f"{file}.ttf")))
    for family in ("Serif", "Sans"):
        pdfmetrics.registerFontFamily(
            family,
            normal=family,
            bold=f"{family}-Bold",
            italic=f"{family}-Italic",
            boldItalic=f"{family}-BoldItalic",
        )


def style(name, font="Serif", size=10.0, leading=None, **more):
    """A paragraph style; `leading` is 1.2 of the size unless given."""
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading or size * 1.2, **more)


def ligatures(text):
    """Sets fi and fl as single glyphs, as typesetters do and readers must undo."""
    return text.replace("fi", "\ufb01").replace("fl", "\ufb02")


register_fonts()
