//! Files that mean harm, made anew for each run: a few bytes that ask for everything.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compress, Compression, FlushCompress, write::ZlibEncoder};

use crate::support::sample;

/// A hostile file, and what may become of it.
pub(super) struct Hostile {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Outcomes that keep the promise: `ok`, `partial`, or a reason.
    pub(super) promised: &'static [&'static str],
}

const FONT: &str = "/Font <</F1 <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>";
const HELLO: &str = "BT /F1 12 Tf 72 700 Td (Hello, here is a line of text) Tj ET";

/// Objects by number from 1, and the entries of the trailer; the first object is the catalog.
fn pdf_of<B: AsRef<[u8]>>(objects: &[B], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(objects) {
        writeln!(table, "{:010} 00000 n ", out.len()).unwrap();
        writeln!(out, "{number} 0 obj").unwrap();
        out.extend(object.as_ref());
        out.extend(b"\nendobj\n");
    }
    let start = out.len();
    out.extend(table.bytes());
    write!(out, "trailer\n<</Size {} /Root 1 0 R {trailer}>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).unwrap();
    out
}

fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<<{entries} /Length {}>>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

/// One page: objects 1 to 3 are catalog, tree and page, 4 its content, then `more`.
fn page_pdf(catalog: &str, page: &str, resources: &str, content: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        format!("<</Type /Catalog /Pages 2 0 R {catalog}>>").into_bytes(),
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>".to_vec(),
        format!(
            "<</Type /Page /Parent 2 0 R {} /Resources <<{FONT} {resources}>> /Contents 4 0 R {page}>>",
            if page.contains("/MediaBox") { "" } else { "/MediaBox [0 0 612 792]" }
        )
        .into_bytes(),
        content.to_vec(),
    ];
    objects.extend_from_slice(more);
    pdf_of(&objects, "")
}

/// A page that says hello, with something else about it.
fn hello_with(catalog: &str, page: &str, resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
    page_pdf(catalog, page, resources, &stream("", HELLO.as_bytes()), more)
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A deflate stream of so many times 16 MB of spaces. The block is made once and repeated: after a full
/// flush it stands for itself.
fn bomb(times: usize) -> Vec<u8> {
    let spaces = vec![b' '; 16 << 20];
    let mut block = Vec::with_capacity(1 << 20);
    let mut compress = Compress::new(Compression::best(), true);
    compress.compress_vec(&spaces, &mut block, FlushCompress::Full).unwrap();
    let (head, body) = block.split_at(2);
    let mut out = head.to_vec();
    (0..times).for_each(|_| out.extend(body));
    out
}

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    [open.repeat(depth), close.repeat(depth)].concat().into_bytes()
}

/// Forms that each draw the next one twice: two to the power of `depth` in all.
fn laughing_forms(depth: usize) -> Vec<u8> {
    let mut more = Vec::new();
    for level in 0..depth {
        let next = 6 + level;
        let entries =
            format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X {next} 0 R>>>>");
        more.push(stream(&entries, b"/X Do /X Do"));
    }
    more.push(stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", b"0 0 m 9 9 l S"));
    page_pdf("", "", "/XObject <</X 5 0 R>>", &stream("", b"/X Do /X Do"), &more)
}

fn image(entries: &str, data: &[u8]) -> Vec<u8> {
    let entries = format!("/Type /XObject /Subtype /Image {entries}");
    let content = stream("", b"q 600 0 0 700 0 0 cm /I Do Q");
    page_pdf("", "", "/XObject <</I 5 0 R>>", &content, &[stream(&entries, data)])
}

/// A chain of page tree nodes, each with one child.
fn deep_page_tree(depth: usize) -> Vec<u8> {
    let mut objects = vec!["<</Type /Catalog /Pages 2 0 R>>".to_owned()];
    for number in 2..depth + 2 {
        objects.push(format!("<</Type /Pages /Kids [{} 0 R] /Count 1>>", number + 1));
    }
    objects.push(format!("<</Type /Page /MediaBox [0 0 99 99] /Parent {} 0 R>>", depth + 1));
    pdf_of(&objects, "")
}

fn reference_chain(length: usize) -> Vec<u8> {
    let mut more: Vec<Vec<u8>> = (6..length + 6).map(|next| format!("{next} 0 R").into_bytes()).collect();
    more.push(b"12".to_vec());
    page_pdf("", "/Rotate 5 0 R", "", &stream("", HELLO.as_bytes()), &more)
}

fn many_pages(count: usize) -> Vec<u8> {
    let kids: String = (3..count + 3).map(|number| format!("{number} 0 R ")).collect();
    let mut objects = vec!["<</Type /Catalog /Pages 2 0 R>>".to_owned()];
    objects.push(format!("<</Type /Pages /Kids [{kids}] /Count {count}>>"));
    objects.resize(count + 2, "<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99]>>".to_owned());
    pdf_of(&objects, "")
}

fn xref_stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let mut out = hello_with("", "", "", &[]);
    out.truncate(out.windows(5).position(|window| window == b"xref\n").unwrap());
    let start = out.len();
    out.extend(b"9 0 obj\n");
    out.extend(stream(&format!("/Type /XRef /Root 1 0 R {entries}"), data));
    write!(out, "\nendobj\nstartxref\n{start}\n%%EOF\n").unwrap();
    out
}

fn object_stream(data: &[u8]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    out.extend(b"8 0 obj\n");
    out.extend(stream("/Type /ObjStm /N 1000000 /First 8000000 /Filter /FlateDecode", data));
    let start = out.len() + 8;
    out.extend(b"\nendobj\n");
    // Three objects that live in the stream.
    let rows: Vec<u8> = (0..4_u8).flat_map(|index| [if index == 0 { 0 } else { 2 }, 0, 8, index]).collect();
    out.extend(b"9 0 obj\n");
    out.extend(stream("/Type /XRef /Root 1 0 R /Size 4 /W [1 2 1]", &rows));
    write!(out, "\nendobj\nstartxref\n{start}\n%%EOF\n").unwrap();
    out
}

/// A JPEG 2000 file of so many pixels a side, of which there is but the header.
fn jpx(side: u32) -> Vec<u8> {
    let mut out = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
    for value in [side, side, 0, 0, side, side, 0, 0] {
        out.extend(value.to_be_bytes());
    }
    out.extend([0, 1, 7, 1, 1]);
    out.extend([0xFF, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1]);
    out.extend([0xFF, 0x5C, 0, 19, 0x40]);
    out.extend([0x40; 16]);
    out.extend([0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93, 0, 0, 0xFF, 0xD9]);
    out
}

/// A JBIG2 page of four thousand million pixels a side, and a generic region of the same size.
fn jbig2() -> Vec<u8> {
    let mut out = vec![0, 0, 0, 0, 0x30, 0, 1, 0, 0, 0, 19];
    out.extend([0xFF; 8]);
    out.extend([0; 11]);
    out.extend([0, 0, 0, 1, 38, 0, 1, 0, 0, 0, 30]);
    out.extend([0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]);
    out.extend([0; 22]);
    out
}

/// A JPEG of the largest size there is, without data.
fn dct() -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0xFF, 0xFF, 0xFF, 0xFF, 3];
    out.extend([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
    out.extend([0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0xFF, 0xD9]);
    out
}

/// Every hostile file.
pub(super) fn all() -> Vec<Hostile> {
    let article = std::fs::read(sample("two_columns.pdf")).unwrap();
    let bomb_1g = bomb(64);
    let flate = "/Filter /FlateDecode";
    let hex: String = bomb_1g.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = "0 0 m 500 500 l S 1 0 0 1 0 0 cm\n".repeat(2_000_000);
    let words = "0 -1 Td (wordswordswords) Tj\n".repeat(400_000);
    let objects_1m: Vec<String> = std::iter::once("<</Type /Catalog /Pages 2 0 R>>".to_owned())
        .chain(["<</Type /Pages /Kids [3 0 R] /Count 1>>".to_owned()])
        .chain(["<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99]>>".to_owned()])
        .chain((0..1_000_000).map(|number| number.to_string()))
        .collect();
    let file = |name, bytes, promised| Hostile { name, bytes, promised };
    vec![
        // Bombs
        file("bomb in the content", page_pdf("", "", "", &stream(flate, &bomb_1g), &[]), &["failed(stream_too_large)"]),
        file(
            "bomb of 10 GB folded twice",
            page_pdf("", "", "", &stream("/Filter [/FlateDecode /FlateDecode]", &deflated(&bomb(640))), &[]),
            &["failed(stream_too_large)"],
        ),
        file(
            "bomb behind hexadecimal digits",
            page_pdf("", "", "", &stream("/Filter [/ASCIIHexDecode /FlateDecode]", hex.as_bytes()), &[]),
            &["failed(memory_limit)", "failed(stream_too_large)", "failed(page_time_limit)"],
        ),
        file("bomb of objects", object_stream(&bomb_1g), &["memory_limit", "time_limit", "damaged"]),
        file(
            "bomb in the cross-reference",
            xref_stream("/Size 100 /W [1 2 1] /Filter /FlateDecode", &bomb_1g),
            &["memory_limit", "time_limit", "ok"],
        ),
        file(
            "bomb in a font",
            hello_with("", "/Resources <</Font <</F1 5 0 R>>>>", "", &[
                b"<</Type /Font /Subtype /TrueType /BaseFont /X /FontDescriptor 6 0 R>>".to_vec(),
                b"<</Type /FontDescriptor /FontName /X /Flags 32 /FontFile2 7 0 R>>".to_vec(),
                stream(flate, &bomb_1g),
            ]),
            &["ok", "failed(memory_limit)", "failed(page_time_limit)"],
        ),
        file(
            "bomb in a character map",
            hello_with("", "/Resources <</Font <</F1 5 0 R>>>>", "", &[
                b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R>>".to_vec(),
                stream(flate, &bomb_1g),
            ]),
            &["ok", "failed(memory_limit)", "failed(page_time_limit)"],
        ),
        file(
            "bomb in a picture",
            image("/Width 100000 /Height 100000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode", &bomb_1g),
            &["skipped(ocr_unavailable)", "failed(memory_limit)"],
        ),
        file(
            "picture of JPEG 2000 without end",
            image("/Width 60000 /Height 60000 /Filter /JPXDecode", &jpx(60_000)),
            &["skipped(ocr_unavailable)", "failed(memory_limit)"],
        ),
        file(
            "picture of JBIG2 without end",
            image("/Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /JBIG2Decode", &jbig2()),
            &["skipped(ocr_unavailable)", "failed(memory_limit)"],
        ),
        file(
            "picture of JPEG without data",
            image("/Width 65535 /Height 65535 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode", &dct()),
            &["skipped(ocr_unavailable)", "failed(memory_limit)"],
        ),
        // Loops
        file(
            "page tree in a circle",
            pdf_of(&["<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [2 0 R] /Count 9>>"], ""),
            &["damaged"],
        ),
        file("page that is its own parent", hello_with("", "/Parent 3 0 R", "", &[]), &["ok"]),
        file("cross-reference in a circle", pdf_of(&["<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Kids [3 0 R] /Count 1>>", "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>"], "/Prev 9"), &["ok"]),
        file(
            "outline in a circle",
            hello_with("/Outlines 5 0 R", "", "", &[
                b"<</First 6 0 R /Last 6 0 R /Count 2000000000>>".to_vec(),
                b"<</Title (again) /Next 6 0 R /First 6 0 R /Dest [3 0 R /Fit]>>".to_vec(),
            ]),
            &["ok"],
        ),
        file("page labels in a circle", hello_with("/PageLabels 5 0 R", "", "", &[b"<</Kids [5 0 R 5 0 R]>>".to_vec()]), &["ok"]),
        file("names in a circle", hello_with("/Names <</Dests 5 0 R>> /Outlines <</First 6 0 R>>", "", "", &[
            b"<</Kids [5 0 R 5 0 R] /Limits [(a) (z)]>>".to_vec(),
            b"<</Title (lost) /Dest (m)>>".to_vec(),
        ]), &["ok"]),
        file("form that draws itself", page_pdf("", "", "/XObject <</X 5 0 R>>", &stream("", b"/X Do"), &[stream(
            "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X 5 0 R>>>>",
            b"/X Do /X Do",
        )]), &["ok"]),
        file("forms that draw two of the next", laughing_forms(40), &["failed(page_time_limit)"]),
        file("font whose letters draw themselves", page_pdf("", "/Resources <</Font <</F1 5 0 R>>>>", "", &stream("", b"BT /F1 9 Tf 9 9 Td (aaa) Tj ET"), &[
            b"<</Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /FirstChar 97 /LastChar 97 /Widths [9] /CharProcs <</a 6 0 R>> /Encoding <</Differences [97 /a]>> /Resources <</Font <</F1 5 0 R>>>>>>".to_vec(),
            stream("", b"9 0 d0 BT /F1 9 Tf (aaa) Tj ET"),
        ]), &["ok", "skipped(ocr_unavailable)"]),
        file("length that is its own stream", page_pdf("", "", "", b"<</Length 4 0 R>>\nstream\nBT ET\nendstream", &[]), &["ok", "failed(damaged)"]),
        // Depth
        file("arrays 100,000 deep", hello_with("/X 5 0 R", "", "", &[nested("[", "]", 100_000)]), &["ok"]),
        file("dictionaries 100,000 deep in the content", page_pdf("", "", "", &stream("", &nested("<</A ", ">>", 100_000)), &[]), &["failed(nesting_too_deep)"]),
        file("page tree 100,000 deep", deep_page_tree(100_000), &["ok", "damaged", "nesting_too_deep", "time_limit"]),
        file("chain of 100,000 references", reference_chain(100_000), &["ok", "nesting_too_deep"]),
        file("states 1,000,000 deep", page_pdf("", "", "", &stream("", "q ".repeat(1_000_000).as_bytes()), &[]), &["ok"]),
        // Size
        file("page of 100,000 by 100,000", hello_with("", "/MediaBox [0 0 100000 100000]", "", &[]), &["ok"]),
        file("page without end", hello_with("", "/MediaBox [-1e38 -1e38 1e38 1e38]", "", &[]), &["ok", "skipped(ocr_unavailable)", "damaged"]),
        file("page of no size", hello_with("", "/MediaBox [0 0 0 0]", "", &[]), &["ok", "skipped(ocr_unavailable)"]),
        file("page of 2,000,000 lines", page_pdf("", "", "", &stream(flate, &deflated(lines.as_bytes())), &[]), &["ok", "skipped(ocr_unavailable)", "failed(page_time_limit)", "failed(memory_limit)"]),
        file("page of 400,000 words", page_pdf("", "", "", &stream(flate, &deflated(format!("BT /F1 1 Tf 9 700 Td {words} ET").as_bytes())), &[]), &["ok", "failed(page_time_limit)"]),
        file("1,000,000 objects", pdf_of(&objects_1m, ""), &["ok", "time_limit"]),
        file("2,001 pages", many_pages(2_001), &["too_many_pages"]),
        file("cross-reference of 2,000,000,000 entries", xref_stream("/Size 2000000000 /Index [0 2000000000] /W [0 0 0]", b"x"), &["ok", "damaged"]),
        // Rubble
        file("cut in the middle", article[..article.len() / 2].to_vec(), &["ok", "damaged", "failed(damaged)"]),
        file("cut at the end", article[..article.len() - 40].to_vec(), &["ok"]),
        file("every tenth byte is gone", article.iter().enumerate().filter(|(at, _)| at % 10 != 9).map(|(_, byte)| *byte).collect(), &["damaged", "failed(damaged)"]),
        file("head of a file and noise", [b"%PDF-1.7\n".to_vec(), (0..2_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()].concat(), &["damaged"]),
    ]
}
