"""loan_file.pdf: one file with the papers of three loans: a form, a statement and a letter for each."""

from reportlab.lib import colors
from reportlab.lib.pagesizes import LETTER
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from house import SAMPLES, style

BODY = style("body", "Serif", 11, 15, spaceAfter=7)
TITLE = style("title", "Sans-Bold", 16, 20, spaceAfter=10)
HEADING = style("heading", "Sans-Bold", 12, 16, spaceBefore=10, spaceAfter=5, keepWithNext=1)

# Number, borrower, co-borrower, purpose, amount, rate in percent, months, first payment, collateral
ACCOUNTS = [
    ("4471-0032-918", "Marisol Quintero", "none", "Purchase of a delivery van", 28_400, 6.35, 48, "1 March 2023",
     "Delivery van, plate HJL 2207"),
    ("4471-0047-105", "Tobias Renshaw", "Priya Renshaw", "Renovation of a roof", 41_750, 7.10, 84, "1 June 2022",
     "House at 18 Alder Row, Fenwick"),
    ("4471-0051-660", "Oakline Joinery LLC", "Edda Thorvaldsen", "Purchase of a panel saw", 63_000, 5.80, 60,
     "1 September 2023", "Panel saw Altmark K40, serial 77-1204"),
]


def money(amount):
    """An amount as statements print it."""
    return f"${amount:,.2f}"


def payment(amount, rate, months):
    """The level monthly payment of an annuity."""
    monthly = rate / 1200
    return amount * monthly / (1 - (1 + monthly) ** -months)


def form(account):
    """The application: names of fields on the left, what was filled in on the right."""
    number, borrower, second, purpose, amount, rate, months, first, collateral = account
    rows = [
        ("Account number", number), ("Borrower", borrower), ("Co-borrower", second), ("Purpose of the loan", purpose),
        ("Principal", money(amount)), ("Annual interest rate", f"{rate:.2f} %"), ("Term", f"{months} months"),
        ("Monthly payment", money(payment(amount, rate, months))), ("First payment due", first),
        ("Collateral", collateral), ("Branch", "Fenwick, desk 4"),
    ]
    table = Table(rows, colWidths=[150, 300], rowHeights=22)
    table.setStyle([
        ("FONT", (0, 0), (0, -1), "Sans-Bold", 10), ("FONT", (1, 0), (1, -1), "Sans", 10),
        ("BOX", (0, 0), (-1, -1), 0.8, colors.black), ("INNERGRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("BACKGROUND", (0, 0), (0, -1), colors.Color(0.93, 0.94, 0.96)),
    ])
    return [
        Paragraph("Loan application", TITLE), table, Spacer(1, 14),
        Paragraph(f"The borrower declares that the information above is complete and true. {borrower} has received the "
                  "general terms of business, edition of January 2022.", BODY),
    ]


def statement(account, count=30):
    """Payments month by month, over more than one page."""
    number, borrower, _, _, amount, rate, months, _, _ = account
    rows, balance, due = [("No.", "Due", "Payment", "Interest", "Principal", "Balance")], amount, payment(amount, rate, months)
    for turn in range(1, count + 1):
        interest = balance * rate / 1200
        balance -= due - interest
        day = f"{(turn + 1) % 12 + 1:02}/01/{2023 + (turn + 1) // 12}"
        rows.append((str(turn), day, money(due), money(interest), money(due - interest), money(balance)))
    table = Table(rows, colWidths=[40, 80, 80, 80, 80, 90], repeatRows=1)
    table.setStyle([
        ("FONT", (0, 0), (-1, 0), "Sans-Bold", 9), ("FONT", (0, 1), (-1, -1), "Sans", 9),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"), ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.Color(0.96, 0.97, 0.98)]),
    ])
    return [
        Paragraph("Statement of account", TITLE),
        Paragraph(f"Account number {number}, {borrower}.", BODY), Paragraph("Payments", HEADING), table,
    ]


def letter(account):
    """A letter about what happened to the loan."""
    number, borrower, _, _, amount, _, _, _, collateral = account
    return [
        Paragraph("Confirmation of collateral", TITLE),
        Paragraph(f"Account number {number}", BODY),
        Paragraph(f"We confirm that the loan of {money(amount)} to {borrower} is secured by the following collateral: "
                  f"{collateral}. The collateral was inspected by our surveyor and found to be in good order.", BODY),
        Paragraph("The insurance certificate must be renewed every year and sent to the branch before it expires. If it "
                  "lapses for more than thirty days, the bank may insure the collateral at the borrower's expense.", BODY),
    ]


def make(_folder):
    """Writes the file."""
    parts = []
    for account in ACCOUNTS:
        for paper in (form(account), statement(account), letter(account)):
            parts += [*paper, PageBreak()]

    def edge(canvas, document):
        canvas.setFont("Sans", 8)
        canvas.drawString(72, LETTER[1] - 40, "Harrowgate Savings Bank")
        canvas.drawRightString(LETTER[0] - 72, LETTER[1] - 40, "Confidential")
        canvas.drawCentredString(LETTER[0] / 2, 36, f"Page {document.page}")

    document = SimpleDocTemplate(
        str(SAMPLES / "loan_file.pdf"), pagesize=LETTER, title="Loan file 4471", author="Harrowgate Savings Bank", lang="en",
    )
    document.build(parts[:-1], onFirstPage=edge, onLaterPages=edge)
