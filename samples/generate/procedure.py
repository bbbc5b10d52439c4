"""procedure.pdf: an operating procedure with numbered steps, nested lists and warnings."""

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from house import SAMPLES, style

TITLE = "Starting and stopping the circulation pump P-204"
NUMBER, REVISION, DATE = "SOP-0417", "D", "14 March 2024"

WIDTH, HEIGHT = A4
MARGIN = 62
FULL = WIDTH - 2 * MARGIN

BODY = style("body", "Sans", 10, 13.5, spaceAfter=5)
HEADING = style("heading", "Sans-Bold", 12.5, 16, spaceBefore=11, spaceAfter=5, keepWithNext=1)
CELL = style("cell", "Sans", 9, 11.5)
CELL_BOLD = style("cell_bold", "Sans-Bold", 9, 11.5)
CAPTION = style("caption", "Sans-Bold", 9, 12, spaceBefore=6, spaceAfter=4, keepWithNext=1)


def ruled(rows, shares, heading=True):
    """A table with every cell ruled; `shares` are parts of the page's width."""
    cells = [[Paragraph(text, CELL_BOLD if heading and y == 0 else CELL) for text in row] for y, row in enumerate(rows)]
    table = Table(cells, colWidths=[share * FULL for share in shares], repeatRows=1 if heading else 0)
    table.setStyle([("GRID", (0, 0), (-1, -1), 0.6, colors.black), ("VALIGN", (0, 0), (-1, -1), "TOP")])
    if heading:
        table.setStyle([("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.9, 0.92, 0.95))])
    return table


def box(word, text):
    """A framed notice that opens with its signal word."""
    colour = {"WARNING": colors.Color(0.98, 0.86, 0.72), "CAUTION": colors.Color(1, 0.96, 0.74)}[word]
    table = Table([[Paragraph(f"<b>{word}</b><br/>{text}", BODY.clone("box", spaceAfter=0))]], colWidths=[FULL])
    table.setStyle([
        ("BOX", (0, 0), (-1, -1), 1.2, colors.black),
        ("BACKGROUND", (0, 0), (-1, -1), colour),
        ("TOPPADDING", (0, 0), (-1, -1), 6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
    ])
    return KeepTogether([Spacer(1, 4), table, Spacer(1, 9)])


LEVELS = [(26, 0), (48, 26), (66, 48)]


def item(label, text, level):
    """One entry of a list whose label hangs left of the text."""
    indent, hang = LEVELS[level]
    entry = BODY.clone(f"item{level}", leftIndent=indent, bulletIndent=hang, spaceAfter=3.5)
    return Paragraph(text, entry, bulletText=label)


def story():
    """Turns the lines of procedure.txt into paragraphs, lists, boxes and tables."""
    parts, section, step, letter, rows = [], 0, 0, 0, []
    lines = (SAMPLES / "generate" / "procedure.txt").read_text(encoding="utf-8").splitlines()
    for line in [*lines, ""]:
        if rows and not line.startswith("| "):
            parts.append(ruled(rows, {2: [0.3, 0.7], 4: [0.12, 0.2, 0.48, 0.2], 5: [0.14, 0.32, 0.16, 0.16, 0.22]}[len(rows[0])]))
            parts.append(Spacer(1, 10))
            rows = []
        mark, _, text = line.partition(" ")
        if mark == "#":
            section, step = section + 1, 0
            parts.append(Paragraph(f"{section}&nbsp;&nbsp;{text}", HEADING))
        elif mark == "+":
            step, letter = step + 1, 0
            parts.append(item(f"{section}.{step}", text, 0))
        elif mark == "++":
            letter += 1
            parts.append(item(f"{chr(96 + letter)})", text, 1))
        elif mark == "-":
            parts.append(item("•", text, 2 if letter else 1))
        elif mark == "=":
            parts.append(Paragraph(text, CAPTION))
        elif mark == "|":
            rows.append([cell.strip() for cell in text.split("|")])
        elif mark in ("WARNING", "CAUTION"):
            parts.append(box(mark, text))
        elif line:
            parts.append(Paragraph(line, BODY))
    return parts


def head(canvas, document):
    """The frame with number, revision and page that every sheet carries."""
    canvas.saveState()
    canvas.setLineWidth(0.6)
    top, bottom = HEIGHT - 34, HEIGHT - 68
    canvas.rect(MARGIN, bottom, FULL, top - bottom)
    for share in (0.24, 0.76):
        canvas.line(MARGIN + share * FULL, top, MARGIN + share * FULL, bottom)
    canvas.setFont("Sans-Bold", 9)
    canvas.drawString(MARGIN + 6, top - 14, "Brackwater Works")
    canvas.setFont("Sans", 8.5)
    canvas.drawString(MARGIN + 6, top - 27, "Operations")
    canvas.drawCentredString(WIDTH / 2, top - 14, "Standard operating procedure")
    canvas.drawCentredString(WIDTH / 2, top - 27, f"{NUMBER}, revision {REVISION}")
    canvas.drawRightString(WIDTH - MARGIN - 6, top - 14, DATE)
    canvas.drawRightString(WIDTH - MARGIN - 6, top - 27, f"Page {document.page}")
    canvas.setFont("Sans-Italic", 8)
    canvas.drawCentredString(WIDTH / 2, 34, "A printed copy is valid on the day of printing only.")
    canvas.restoreState()


def make(_folder):
    """Writes the file."""
    document = SimpleDocTemplate(
        str(SAMPLES / "procedure.pdf"),
        pagesize=A4,
        leftMargin=MARGIN - 6,
        rightMargin=MARGIN - 6,
        topMargin=84,
        bottomMargin=54,
        title=f"{NUMBER} {TITLE}",
        author="Brackwater Works",
        lang="en",
    )
    title = Paragraph(TITLE, style("title", "Sans-Bold", 18, 23, spaceAfter=10))
    document.build([title, *story()], onFirstPage=head, onLaterPages=head)
