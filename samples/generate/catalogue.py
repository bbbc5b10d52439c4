"""catalogue.pdf: 24 pages of lamps, with pictures, tables, order numbers and a page of certificates."""

import random

from PIL import Image, ImageDraw, ImageFilter
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Image as Picture
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from house import SAMPLES, style

BODY = style("body", "Sans", 10, 14.5, spaceAfter=6)
TITLE = style("title", "Sans-Bold", 24, 29, spaceAfter=6)
LEAD = style("lead", "Sans-Italic", 12, 16, spaceAfter=10)
HEADING = style("heading", "Sans-Bold", 13, 17, spaceBefore=10, spaceAfter=5, keepWithNext=1)
CAPTION = style("caption", "Sans", 8.5, 11, spaceBefore=3, spaceAfter=8)

# Name, order prefix, kind, material, watts, lumens, colour, what makes it special
PRODUCTS = [
    ("Meridian", "MRD", "pendant", "brushed brass", 14, 1350, (196, 160, 92), "three rings that turn against each other"),
    ("Halden", "HLD", "floor lamp", "smoked oak", 18, 1720, (120, 84, 58), "an arm that stays where it is left"),
    ("Pebble", "PBL", "table lamp", "matt porcelain", 7, 560, (208, 204, 196), "a dimmer that answers to a stroke of the hand"),
    ("Corvid", "CRV", "desk lamp", "anodised aluminium", 9, 820, (52, 58, 66), "a head that turns by 270 degrees"),
    ("Lumen Wall", "LMW", "wall light", "opal glass", 11, 980, (226, 222, 206), "light upwards and downwards, switched apart"),
    ("Strand", "STR", "light line", "extruded aluminium", 24, 2600, (168, 176, 186), "segments joined without a visible seam"),
    ("Garden Post", "GDP", "outdoor light", "galvanised steel", 12, 1040, (86, 98, 90), "a sensor that tells people from cats"),
]


def picture(folder, product, view):
    """A studio picture of a lamp that does not exist."""
    generator = random.Random(f"{product[0]} {view}")
    size, colour = 360, product[6]
    image = Image.new("RGB", (size, size), (244, 242, 238))
    draw = ImageDraw.Draw(image)
    for step in range(60):
        shade = 244 - step
        draw.ellipse([20 + step, 250 + step // 3, 340 - step, 345 - step // 3], fill=(shade, shade - 2, shade - 6))
    middle = 180 + generator.randint(-20, 20)
    draw.line([middle, 20 + 90 * view, middle, 300], fill=tuple(int(part * 0.7) for part in colour), width=8)
    for _ in range(3):
        width, top = generator.randint(60, 140), generator.randint(60, 150)
        draw.ellipse([middle - width, top, middle + width, top + width * 0.8], fill=colour, outline=(90, 84, 76), width=3)
    draw.ellipse([middle - 46, 120, middle + 46, 190], fill=(255, 247, 214))
    file = folder / f"{product[1]}{view}.jpg"
    image.filter(ImageFilter.GaussianBlur(0.8)).save(file, quality=72)
    return Picture(str(file), 78 * mm, 78 * mm)


def grid(rows):
    """A ruled table."""
    table = Table(rows, colWidths=[62 * mm, 96 * mm] if len(rows[0]) == 2 else None)
    table.setStyle([
        ("FONT", (0, 0), (-1, 0), "Sans-Bold", 9), ("FONT", (0, 1), (-1, -1), "Sans", 9),
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.92, 0.92, 0.9)),
    ])
    return table


def pages_of(folder, product):
    """Three pages: what it is, its data, how it is ordered and mounted."""
    name, prefix, kind, material, watts, lumens, _, special = product
    first = [
        Paragraph(name, TITLE), Paragraph(f"A {kind} of {material}", LEAD), picture(folder, product, 0),
        Paragraph(f"{name} in {material}.", CAPTION),
        Paragraph(f"{name} is a {kind} with {special}. Its light source gives {lumens} lumens at {watts} watts and can be "
                  "replaced without tools. All parts that wear can be ordered one by one for fifteen years.", BODY),
    ]
    data = [
        Paragraph(f"{name}: technical data", HEADING),
        grid([
            ("Property", "Value"), ("Power", f"{watts} W"), ("Luminous flux", f"{lumens} lm"),
            ("Colour temperature", "2700 K or 3000 K"), ("Colour rendering", "CRI 95"), ("Material", material),
            ("Protection", "IP65" if kind == "outdoor light" else "IP20"), ("Weight", f"{watts * 0.21:.1f} kg"),
            ("Expected life", "50 000 hours"),
        ]),
        Spacer(1, 10), picture(folder, product, 1), Paragraph(f"{name} from the side.", CAPTION),
    ]
    order = [
        Paragraph(f"{name}: ordering", HEADING),
        grid([
            ("Order number", "Finish", "Colour temperature", "Price"),
            (f"{prefix}-27-N", "natural", "2700 K", f"€ {watts * 23 + 149}.00"),
            (f"{prefix}-30-N", "natural", "3000 K", f"€ {watts * 23 + 149}.00"),
            (f"{prefix}-27-D", "dark", "2700 K", f"€ {watts * 23 + 189}.00"),
        ]),
        Paragraph(f"{name}: mounting", HEADING),
        Paragraph("Switch the circuit off before mounting. The bracket takes two screws of 5 mm; the template in the box "
                  "shows where they go. Tighten them by hand only.", BODY),
    ]
    return [*first, PageBreak(), *data, PageBreak(), *order, PageBreak()]


def make(folder):
    """Writes the file."""
    contents = [("Product", "Kind", "Page")] + [(p[0], p[2], str(3 + 3 * place)) for place, p in enumerate(PRODUCTS)]
    parts = [
        Spacer(1, 150), Paragraph("Nordlicht Lamps", style("cover", "Sans-Bold", 34, 42, spaceAfter=10)),
        Paragraph("Catalogue 2024", LEAD), PageBreak(), Paragraph("Contents", TITLE), grid(contents), PageBreak(),
    ]
    for product in PRODUCTS:
        parts += pages_of(folder, product)
    parts += [
        Paragraph("Certificates", TITLE),
        Paragraph("Quality management: ISO 9001:2015, certificate NL-9001-2277, valid until 30 June 2026.", BODY),
        Paragraph("Environmental management: ISO 14001:2015, certificate NL-14001-0981, valid until 31 March 2025.", BODY),
        Paragraph("All lamps carry the CE mark and meet the Ecodesign requirements for light sources.", BODY),
    ]

    def edge(canvas, document):
        if document.page > 1:
            canvas.setFont("Sans", 8)
            canvas.drawString(60, 34, "Nordlicht Lamps, Catalogue 2024")
            canvas.drawRightString(A4[0] - 60, 34, str(document.page))

    document = SimpleDocTemplate(
        str(SAMPLES / "catalogue.pdf"), pagesize=A4, leftMargin=60, rightMargin=60, topMargin=60, bottomMargin=60,
        title="Nordlicht Lamps: Catalogue 2024", author="Nordlicht Lamps", lang="en",
    )
    document.build(parts, onFirstPage=edge, onLaterPages=edge)
