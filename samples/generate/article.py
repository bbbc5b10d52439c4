"""two_columns.pdf: a scientific article in two columns, as journals print it."""

from reportlab.graphics.shapes import Drawing, Line, PolyLine, String
from reportlab.lib import colors
from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    FrameBreak,
    Image,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from house import SAMPLES, ligatures, style
from pathlib import Path
from pictures import head_scan

TITLE = (
    "Shunt infection after ventriculoperitoneal shunting in adults: "
    "a prospective cohort study of a closed six-step protocol"
)
AUTHORS = "Ingrid Halvorsen, Jonas Okafor, Mei-Ling Tran and Pieter van der Aalst"
RUNNING_TITLE = "Halvorsen et al.: Shunt infection and a six-step protocol"
JOURNAL = "Annals of Invented Neurosurgery 12 (2023) 118–125"
FIRST_PAGE = 118

ABSTRACT = [
    "<b>Background.</b> Infection is the most feared complication of cerebrospinal fluid shunts. Most infections are "
    "acquired in the operating theatre and should be preventable there.",
    "<b>Methods.</b> We compared 204 adults who received a first ventriculoperitoneal shunt from 2016 to 2018 with 208 "
    "adults operated on from 2019 to 2021 under a closed protocol of six steps. The primary outcome was shunt "
    "infection within twelve months, judged by three observers who did not know the date of surgery.",
    "<b>Results.</b> The infection rate fell from 9.8% to 3.4% (hazard ratio 0.33, 95% confidence interval 0.14 to "
    "0.78). Infection was rare after operations in which all six steps had been followed (1.8%). Leakage of "
    "cerebrospinal fluid was the strongest risk factor.",
    "<b>Conclusions.</b> A simple bundle of measures was associated with a reduction of shunt infections by two thirds.",
]
KEYWORDS = "hydrocephalus · shunt infection · surgical bundle · antibiotic-impregnated catheter · cohort study"

FOOTNOTES = {
    (2, 0): "<super>1</super> Six patients met this last criterion twice, because they had been transferred between two "
    "hospitals; they were counted once.",
    (3, 0): "<super>2</super> Costs are given in euros of 2021 and include the implant, theatre time, bed days, "
    "antibiotics and laboratory tests, but not rehabilitation.",
}

REFERENCES = [
    "Abernethy K, Solis M, Ferreira T. Infection of cerebrospinal fluid shunts: a review of forty years. "
    "<i>J Invented Surg</i> 2009;31:201–14. doi:10.5555/jis.2009.0201",
    "Grünwald H, Ekström P. Definitions of shunt infection and why they matter. <i>Neurosurg Rep</i> 2011;4:17–25. "
    "doi:10.5555/nsr.2011.0017",
    "Whitcombe R, Adeyemi F, Laurent S, et al. Functional outcome after removal of an infected shunt. "
    "<i>Ann Invented Neurosurg</i> 2013;2:88–97. doi:10.5555/ain.2013.0088",
    "Castellanos D, Moreau J. Skin isolates and shunt isolates: a matched typing study. <i>Microb Theatre</i> "
    "2010;18:330–8. doi:10.5555/mt.2010.0330",
    "Petrov A, Lindqvist U. Where do shunt infections come from? <i>Infect Control Lett</i> 2012;7:45–9. "
    "doi:10.5555/icl.2012.0045",
    "Harrow B, Nakagawa S, Byrne C. Double gloving in shunt surgery. <i>J Invented Surg</i> 2014;36:77–81. "
    "doi:10.5555/jis.2014.0077",
    "Aldous P, Brandt L. Antibiotic-impregnated catheters in adults: a randomised trial. <i>Lancet of Nowhere</i> "
    "2017;3:1002–11. doi:10.5555/lon.2017.1002",
    "Osei K, Van Houten M. Traffic through the operating theatre and the count of airborne particles. "
    "<i>Infect Control Lett</i> 2015;10:12–20. doi:10.5555/icl.2015.0012",
    "Rahimi N, Delacroix B, Whitcombe R. Antibiotics in the shunt reservoir: a retrospective series. "
    "<i>Neurosurg Rep</i> 2016;9:141–50. doi:10.5555/nsr.2016.0141",
    "Thornbury E. What bundles do that single measures cannot. <i>Qual Surg</i> 2014;1:3–11. doi:10.5555/qs.2014.0003",
    "Yilmaz O, Kowalczyk A, Reyes P, et al. A standard protocol for paediatric shunts. <i>Child Neurosurg Invented</i> "
    "2015;22:410–9. doi:10.5555/cni.2015.0410",
    "McAllister J, Dube T. Bundled care and shunt infection in children: three years on. <i>Child Neurosurg "
    "Invented</i> 2018;25:60–9. doi:10.5555/cni.2018.0060",
    "Fonseca L, Ivanova M. Gram-negative shunt infection and the abdominal catheter. <i>Microb Theatre</i> "
    "2016;24:215–22. doi:10.5555/mt.2016.0215",
    "Bergström A, Okafor J. Emergency surgery, late hours and infection of implants. <i>Qual Surg</i> 2019;6:90–8. "
    "doi:10.5555/qs.2019.0090",
    "Sorrentino G, Pham H, Lacey D. Reducing shunt infection in a children's hospital without new equipment. "
    "<i>Child Neurosurg Invented</i> 2019;26:301–8. doi:10.5555/cni.2019.0301",
    "Delacroix B, Rahimi N. Instillation of vancomycin and gentamicin at shunt implantation. <i>Neurosurg Rep</i> "
    "2018;11:77–85. doi:10.5555/nsr.2018.0077",
    "Van der Aalst P, Tran M-L. The price of a shunt infection. <i>Health Costs Invented</i> 2017;14:510–7. "
    "doi:10.5555/hci.2017.0510",
    "Quist E, Marlowe S. Savings from impregnated catheters: the Marlow Bay model. <i>Health Costs Invented</i> "
    "2020;17:33–41. doi:10.5555/hci.2020.0033",
    "Lindqvist U, Petrov A, Byrne C. Late infection of ventriculoperitoneal shunts. <i>Infect Control Lett</i> "
    "2018;13:140–6. doi:10.5555/icl.2018.0140",
    "Halvorsen I, Thornbury E, for the BASIN group. Protocol of a stepped-wedge trial of bundled care in shunt "
    "surgery. <i>Trials of Nowhere</i> 2022;8:e114. doi:10.5555/ton.2022.0114",
]

WIDTH, HEIGHT = A4
MARGIN, GUTTER = 50, 20
COLUMN = (WIDTH - 2 * MARGIN - GUTTER) / 2
TOP, BOTTOM = HEIGHT - 62, 56

BODY = style("body", size=10, leading=12.1, alignment=TA_JUSTIFY, firstLineIndent=12, hyphenationLang="en_GB")
BODY.embeddedHyphenation = 1
FIRST = BODY.clone("first", firstLineIndent=0)
H1 = style("h1", "Sans-Bold", 11.5, 14, spaceBefore=10, spaceAfter=4, keepWithNext=1)
H2 = style("h2", "Sans-BoldItalic", 10, 12.5, spaceBefore=7, spaceAfter=3, keepWithNext=1)
CAPTION = style("caption", "Sans", 8, 9.8, spaceBefore=4, spaceAfter=8)
CELL = style("cell", "Sans", 8, 9.6)
CELL_BOLD = style("cell_bold", "Sans-Bold", 8, 9.6)
NOTE = style("note", size=8, leading=9.4)
REFERENCE = style("reference", size=8.4, leading=10, leftIndent=16, firstLineIndent=-16, spaceAfter=2)

TABLE_1 = [
    ["Characteristic", "Control\n(n = 204)", "Protocol\n(n = 208)", "p"],
    ["Age in years, mean (SD)", "58.1 (16.2)", "58.7 (15.8)", "0.70"],
    ["Women, n (%)", "98 (48.0)", "104 (50.0)", "0.69"],
    ["Normal pressure hydrocephalus, n (%)", "86 (42.2)", "91 (43.8)", "0.77"],
    ["After subarachnoid haemorrhage, n (%)", "61 (29.9)", "59 (28.4)", "0.75"],
    ["Tumour, n (%)", "33 (16.2)", "31 (14.9)", "0.79"],
    ["Other indication, n (%)", "24 (11.8)", "27 (13.0)", "0.77"],
    ["Diabetes, n (%)", "29 (14.2)", "34 (16.3)", "0.58"],
    ["Drain in preceding month, n (%)", "57 (27.9)", "66 (31.7)", "0.45"],
    ["Duration of surgery in min, median", "58", "62", "0.11"],
]
TABLE_2 = [
    ["Factor", "Infected (n = 27)", "Not infected (n = 385)", "Odds ratio", "95% CI", "p"],
    ["Leakage of cerebrospinal fluid", "8 (29.6%)", "21 (5.5%)", "5.1", "1.9–13.4", "0.001"],
    ["Operation longer than 90 min", "9 (33.3%)", "54 (14.0%)", "2.6", "1.1–6.3", "0.034"],
    ["External drain in preceding month", "13 (48.1%)", "110 (28.6%)", "2.2", "1.0–5.0", "0.049"],
    ["Protocol period", "7 (25.9%)", "201 (52.2%)", "0.31", "0.12–0.77", "0.012"],
    ["Diabetes", "6 (22.2%)", "57 (14.8%)", "1.3", "0.5–3.6", "0.59"],
    ["Surgeon in training", "17 (63.0%)", "234 (60.8%)", "1.1", "0.5–2.6", "0.81"],
]


def table_1():
    """Three rules and no lines between columns."""
    rows = [[Paragraph(cell.replace("\n", "<br/>"), CELL_BOLD if y == 0 else CELL) for cell in row] for y, row in enumerate(TABLE_1)]
    table = Table(rows, colWidths=[COLUMN - 130, 50, 50, 30], rowHeights=None)
    table.setStyle(
        TableStyle([
            ("LINEABOVE", (0, 0), (-1, 0), 1.1, colors.black),
            ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
            ("LINEBELOW", (0, -1), (-1, -1), 1.1, colors.black),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ])
    )
    caption = Paragraph("<b>Table 1.</b> Characteristics of the patients at implantation.", CAPTION)
    return KeepTogether([Spacer(1, 4), caption, table, Spacer(1, 10)])


def table_2():
    """Every cell ruled, over both columns."""
    rows = [[Paragraph(cell, CELL_BOLD if y == 0 else CELL) for cell in row] for y, row in enumerate(TABLE_2)]
    full = WIDTH - 2 * MARGIN
    table = Table(rows, colWidths=[0.3 * full, 0.16 * full, 0.2 * full, 0.12 * full, 0.13 * full, 0.09 * full])
    table.setStyle(
        TableStyle([
            ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
            ("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.9, 0.9, 0.9)),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ])
    )
    caption = Paragraph(
        "<b>Table 2.</b> Multivariable logistic model of shunt infection within twelve months (412 patients).", CAPTION
    )
    return caption, table


# Cumulative incidence in percent after so many months.
CONTROL_CURVE = [(0, 0), (0.4, 1.5), (0.7, 3.9), (1, 5.9), (1.5, 7.4), (2.5, 8.3), (4, 8.8), (7.5, 9.3), (9, 9.8), (12, 9.8)]
PROTOCOL_CURVE = [(0, 0), (0.6, 0.5), (0.9, 1.4), (1.4, 1.9), (2, 2.4), (3.5, 2.9), (5, 3.4), (12, 3.4)]


def figure_1():
    """Two step curves with axes, drawn as vectors."""
    width, height = COLUMN, 165
    left, bottom, right, top = 34, 30, width - 8, height - 8
    drawing = Drawing(width, height)

    def at(month, percent):
        return left + (right - left) * month / 12, bottom + (top - bottom) * percent / 12

    def label(x, y, text, anchor="middle", size=7):
        drawing.add(String(x, y, text, fontName="Sans", fontSize=size, textAnchor=anchor))

    drawing.add(Line(left, bottom, right, bottom, strokeWidth=0.8))
    drawing.add(Line(left, bottom, left, top, strokeWidth=0.8))
    for month in range(0, 13, 3):
        x, y = at(month, 0)
        drawing.add(Line(x, y, x, y - 3, strokeWidth=0.8))
        label(x, y - 11, str(month))
    for percent in range(0, 13, 4):
        x, y = at(0, percent)
        drawing.add(Line(x - 3, y, x, y, strokeWidth=0.8))
        label(x - 6, y - 2.5, str(percent), "end")
    label((left + right) / 2, 6, "Months after implantation", size=7.5)
    label(left + 4, top - 4, "Infected (%)", "start", 7.5)
    for curve, colour, name, place in (
        (CONTROL_CURVE, colors.Color(0.75, 0.2, 0.15), "control", (10.4, 10.3)),
        (PROTOCOL_CURVE, colors.Color(0.1, 0.35, 0.65), "protocol", (10.4, 3.9)),
    ):
        points, previous = [], None
        for month, percent in curve:
            if previous is not None:
                points.extend(at(month, previous))
            points.extend(at(month, percent))
            previous = percent
        drawing.add(PolyLine(points, strokeColor=colour, strokeWidth=1.4))
        label(*at(*place), name, size=7.5)
    caption = Paragraph(
        "<b>Figure 1.</b> Cumulative incidence of shunt infection in the control period and in the protocol period.", CAPTION
    )
    return KeepTogether([Spacer(1, 6), drawing, caption])


def figure_2(folder):
    """A raster picture: an axial slice of a head that never lived."""
    path = folder / "head.jpg"
    head_scan().save(path, quality=82)
    image = Image(str(path), width=COLUMN * 0.72, height=COLUMN * 0.72)
    caption = Paragraph(
        "<b>Figure 2.</b> Axial image of a patient with an infected shunt: enlarged lateral ventricles and the tip of the "
        "catheter in the right frontal horn (arrow). Simulated picture.",
        CAPTION,
    )
    return KeepTogether([Spacer(1, 6), image, caption])


class Heading(Paragraph):
    """A heading that enters itself into the outline."""

    def __init__(self, text, level):
        super().__init__(ligatures(text), H1 if level == 0 else H2)
        self.title, self.level = text, level

    def draw(self):
        key = self.title
        self.canv.bookmarkHorizontal(key, 0, self.height + 10)
        self.canv.addOutlineEntry(self.title, key, self.level)
        super().draw()


def body(folder):
    """The text between the abstract and the references, with its figures and tables."""
    placed = {"[table1]": table_1, "[figure1]": figure_1, "[figure2]": lambda: figure_2(folder)}
    section, subsection, after_heading, story = 0, 0, True, []
    for part in (Path(__file__).parent / "article.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        if part.startswith("## "):
            subsection += 1
            story.append(Heading(f"{section}.{subsection} {part[3:]}", 1))
            after_heading = True
        elif part.startswith("# "):
            section, subsection = section + 1, 0
            story.append(Heading(f"{section} {part[2:]}", 0))
            after_heading = True
        elif part in placed:
            story.append(placed[part]())
        else:
            story.append(Paragraph(ligatures(part), FIRST if after_heading else BODY))
            after_heading = False
    story.append(Heading("References", 0))
    for number, text in enumerate(REFERENCES, 1):
        story.append(Paragraph(ligatures(f"{number}.&nbsp;&nbsp;{text}"), REFERENCE))
    return story


TABLE_2_PAGE = 5
TABLE_2_HEIGHT = 140
TITLE_HEIGHT = 292


def furniture(canvas, document):
    """Running heads, folios, footnotes and the table that lies over both columns."""
    page = document.page
    if page == 1:
        for number in range(1):
            canvas.addPageLabel(number, style="ARABIC", start=FIRST_PAGE)
    canvas.setFont("Sans", 7.5)
    folio = str(FIRST_PAGE + page - 1)
    if page == 1:
        canvas.drawString(MARGIN, HEIGHT - 40, JOURNAL)
        canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 40, "Original article")
    else:
        left, right = (folio, RUNNING_TITLE) if page % 2 == 0 else (RUNNING_TITLE, folio)
        canvas.drawString(MARGIN, HEIGHT - 40, left)
        canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 40, right)
    canvas.setLineWidth(0.4)
    canvas.line(MARGIN, HEIGHT - 45, WIDTH - MARGIN, HEIGHT - 45)
    if page == 1:
        canvas.drawCentredString(WIDTH / 2, 32, folio)
    for (where, column), text in FOOTNOTES.items():
        if where == page:
            x = MARGIN + column * (COLUMN + GUTTER)
            canvas.line(x, BOTTOM + 33, x + 70, BOTTOM + 33)
            note = Paragraph(ligatures(text), NOTE)
            _, height = note.wrapOn(canvas, COLUMN, 60)
            note.drawOn(canvas, x, BOTTOM + 29 - height)
    if page == TABLE_2_PAGE:
        caption, table = table_2()
        full = WIDTH - 2 * MARGIN
        _, caption_height = caption.wrapOn(canvas, full, 40)
        _, table_height = table.wrapOn(canvas, full, 300)
        caption.drawOn(canvas, MARGIN, TOP - caption_height)
        table.drawOn(canvas, MARGIN, TOP - caption_height - 4 - table_height)


def templates():
    """One template per page, because footnotes and the wide table take room from the columns."""
    pages = []
    for page in range(1, 11):
        top = TOP
        frames = []
        if page == 1:
            frames.append(Frame(MARGIN, TOP - TITLE_HEIGHT, WIDTH - 2 * MARGIN, TITLE_HEIGHT, 0, 0, 0, 0, id="title"))
            top = TOP - TITLE_HEIGHT - 6
        if page == TABLE_2_PAGE:
            top = TOP - TABLE_2_HEIGHT
        for column in (0, 1):
            bottom = BOTTOM + (38 if (page, column) in FOOTNOTES else 0)
            frames.append(Frame(MARGIN + column * (COLUMN + GUTTER), bottom, COLUMN, top - bottom, 0, 0, 0, 0))
        pages.append(PageTemplate(f"page{page}", frames, onPage=furniture, autoNextPageTemplate=f"page{min(page + 1, 10)}"))
    return pages


def front():
    """Title, authors, affiliations, abstract and keywords."""
    abstract = style("abstract", "Serif", 9.4, 11.4, alignment=TA_JUSTIFY, spaceAfter=2, hyphenationLang="en_GB")
    return [
        Paragraph(ligatures(TITLE), style("title", "Serif-Bold", 19, 23, spaceAfter=8)),
        Paragraph(AUTHORS, style("authors", "Serif", 11.5, 14, spaceAfter=3)),
        Paragraph(
            "Department of Neurosurgery, Northmere University Hospital, Northmere. Correspondence: i.halvorsen@northmere.example",
            style("affiliation", "Serif-Italic", 9, 11, spaceAfter=10),
        ),
        Paragraph("Abstract", style("abstract_heading", "Sans-Bold", 10.5, 13, spaceAfter=3)),
        *[Paragraph(ligatures(text), abstract) for text in ABSTRACT],
        Paragraph(f"<b>Keywords:</b> {KEYWORDS}", style("keywords", "Serif", 9, 11, spaceBefore=4)),
        FrameBreak(),
    ]


def make(folder):
    """Writes the file; `folder` is for pictures on the way."""
    document = BaseDocTemplate(
        str(SAMPLES / "two_columns.pdf"),
        pagesize=A4,
        title=TITLE,
        author=AUTHORS,
        subject=JOURNAL,
        keywords=KEYWORDS,
        lang="en",
    )
    document.addPageTemplates(templates())
    document.build(front() + body(folder))
