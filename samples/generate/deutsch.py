"""deutsch.pdf: a technical article in German, with umlauts, quotation marks and words broken at line ends."""

import re

from reportlab.lib import colors
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

from house import SAMPLES, style

TITLE = "Schwingungen hölzerner Brücken im Jahreslauf"
BODY = style("body", "Serif", 10.5, 14, alignment=TA_JUSTIFY, spaceAfter=6)
HEADINGS = {
    "#": style("h1", "Sans-Bold", 13, 17, spaceBefore=12, spaceAfter=5, keepWithNext=1),
    "##": style("h2", "Sans-Bold", 11, 15, spaceBefore=8, spaceAfter=4, keepWithNext=1),
}
CAPTION = style("caption", "Sans", 9, 12, spaceBefore=6, spaceAfter=4, keepWithNext=1)

VOWELS = "aeiouyäöü"


def breakable(text):
    """Long words get soft hyphens between syllables, as far as a simple rule finds them."""

    def split(match):
        return re.sub(rf"(?<=[{VOWELS}])([bdfgklmnprstwz])(?=[{VOWELS}]\w\w)", "\u00ad\\1", match.group())

    return re.sub(r"\w{11,}", split, text)


def table(rows):
    """Ruled above, below the head and at the foot only."""
    table = Table(rows, colWidths=[130, 80, 110, 120])
    table.setStyle([
        ("FONT", (0, 0), (-1, 0), "Sans-Bold", 9),
        ("FONT", (0, 1), (-1, -1), "Sans", 9),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("LINEABOVE", (0, 0), (-1, 0), 1, colors.black),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
        ("LINEBELOW", (0, -1), (-1, -1), 1, colors.black),
    ])
    return table


def story():
    """Turns the lines of deutsch.txt into headings, paragraphs and the table."""
    parts, rows = [], []
    for line in [*(SAMPLES / "generate" / "deutsch.txt").read_text(encoding="utf-8").splitlines(), ""]:
        mark, _, text = line.partition(" ")
        if rows and mark != "|":
            parts += [table(rows), Spacer(1, 10)]
            rows = []
        if mark == "|":
            rows.append([cell.strip() for cell in text.split("|")])
        elif mark in HEADINGS:
            parts.append(Paragraph(text, HEADINGS[mark]))
        elif mark == "=":
            parts.append(Paragraph(text, CAPTION))
        elif line:
            parts.append(Paragraph(breakable(line), BODY))
    return parts


def foot(canvas, document):
    """The running foot."""
    canvas.setFont("Sans", 8)
    canvas.drawString(70, 40, "Blätter für Holzbau 7 (2022)")
    canvas.drawRightString(A4[0] - 70, 40, f"Seite {document.page}")


def make(_folder):
    """Writes the file."""
    document = SimpleDocTemplate(
        str(SAMPLES / "deutsch.pdf"), pagesize=A4, leftMargin=70, rightMargin=70, topMargin=70, bottomMargin=70,
        title=TITLE, author="Käthe Österreicher, Jörg Weiß", lang="de",
    )
    title = Paragraph(TITLE, style("title", "Sans-Bold", 19, 24, spaceAfter=6))
    authors = Paragraph("Käthe Österreicher und Jörg Weiß", style("authors", "Serif-Italic", 11, 15, spaceAfter=10))
    document.build([title, authors, *story()], onFirstPage=foot, onLaterPages=foot)
