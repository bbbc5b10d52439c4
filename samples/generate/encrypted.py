"""encrypted.pdf: a note that opens with the password `open sesame` (AES, 128 bit)."""

from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.platypus import Paragraph, SimpleDocTemplate

from house import SAMPLES, style

TEXT = [
    "The key of the archive room hangs behind the third shelf from the door. Whoever takes it signs the list "
    "and brings it back on the same day.",
    "The room is kept at 18 degrees and 45 percent relative humidity. Report a deviation of more than two degrees "
    "to the building services at once.",
]


def make(_folder):
    """Writes the file."""
    lock = StandardEncryption("open sesame", ownerPassword="keeper of the caves", canPrint=1, strength=128)
    document = SimpleDocTemplate(str(SAMPLES / "encrypted.pdf"), pagesize=A4, title="Archive room", encrypt=lock)
    body = style("body", "Serif", 11, 15, spaceAfter=8)
    title = Paragraph("Rules of the archive room", style("title", "Sans-Bold", 16, 20, spaceAfter=10))
    document.build([title, *[Paragraph(text, body) for text in TEXT]])
