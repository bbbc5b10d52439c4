"""PDFs made on the spot: small good ones, and ones that mean harm."""

from pathlib import Path


def note(folder: Path, number: int) -> Path:
    """A page of text that no other file has."""
    text = f"BT /F1 12 Tf 72 720 Td (Note {number}: pump {number % 97} was serviced on day {number % 365}.) Tj ET"
    return written(folder / f"note{number}.pdf", pdf(stream(text)))


def poison(folder: Path, number: int) -> Path:
    """A file that cannot be read without harm; the kinds take turns."""
    kind = list(POISON)[number % len(POISON)]
    path = folder / f"poison{number}-{kind}.pdf"
    return written(path, POISON[kind]() + f"\n% {number}\n")


def endless() -> str:
    """Forms that draw the next one twice, forty deep: a page that takes longer than anybody has."""
    forms = [
        stream("/X Do /X Do", f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {6 + at} 0 R >> >>")
        for at in range(40)
    ]
    last = stream("0 0 9 9 re f", "/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    return pdf(stream("/X Do"), "/XObject << /X 5 0 R >>", *forms, last)


def deep() -> str:
    """Dictionaries in dictionaries, 100,000 deep, where a reader that follows them runs out of stack."""
    return pdf(stream("<</A " * 100_000 + ">>" * 100_000))


def noise() -> str:
    """The head of a PDF, and behind it nothing that is one."""
    return "%PDF-1.7\n" + "".join(chr(33 + (at * 7919) % 90) for at in range(20_000))


POISON = {"endless": endless, "deep": deep, "noise": noise}


def stream(data: str, entries: str = "") -> str:
    return f"<< {entries} /Length {len(data)} >>\nstream\n{data}\nendstream"


def pdf(content: str, resources: str = "", *more: str) -> str:
    """A file of one page; `more` are its objects from 5 on."""
    font = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        f"/Resources << {font} {resources} >> >>",
        content,
        *more,
    ]
    out, places = "%PDF-1.4\n", []
    for name, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{name} 0 obj\n{body}\nendobj\n"
    xref = len(out)
    out += f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n" + "".join(f"{place:010} 00000 n \n" for place in places)
    return out + f"trailer << /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n"


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("latin-1"))
    return path
