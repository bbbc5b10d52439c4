//! `pagemill compare`: pictures of the pages with what was read laid over them, to see what went wrong.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use clap::Args;
use pagemill_core::{Block, Cell, ErrorCode, Page, PageSource, Problem};

use super::{
    Global, Outcome, output,
    read::{parse_pages, read_bytes},
};
use crate::cell::{Cells, Drawing, ReadFile, Step};

/// Arguments of `compare`.
#[derive(Args)]
pub(crate) struct CompareArgs {
    /// The file.
    file: PathBuf,
    /// Where the web page is written; it needs nothing beside it.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Pages to show: `3`, `1-5` or `4-`.
    #[arg(long, value_parser = parse_pages, default_value = "1-20")]
    pages: (u32, u32),
    /// Pixels per inch of the pictures.
    #[arg(long, default_value_t = 100.0)]
    dpi: f32,
    /// The password of an encrypted file.
    #[arg(long, env = "PAGEMILL_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &CompareArgs) -> Result<Outcome, Problem> {
    let bytes = Bytes::from(read_bytes(&args.file).await?);
    // One process reads while another draws.
    let cells = Cells::new(2, global.settings()?.limits)?;
    let (first, last) = args.pages;
    let file =
        ReadFile { password: args.password.clone(), excerpt: true, ..ReadFile::pages(bytes.clone(), first, last) };
    let mut reading = cells.read(file);
    let mut out: Option<BufWriter<File>> = None;
    let (mut shown, mut failed) = (0, 0);
    while let Some(step) = reading.next().await? {
        match step {
            Step::Opened { pages } => {
                let mut file = BufWriter::new(File::create(&args.output).map_err(|error| unwritable(args, error))?);
                write_head(&mut file, &args.file, pages).map_err(|error| unwritable(args, error))?;
                out = Some(file);
            }
            Step::Page(page) => {
                let drawing = Drawing { dpi: args.dpi, marks: Vec::new(), part: None };
                let picture = cells.draw(&bytes, args.password.as_deref(), page.number, drawing).await;
                shown += 1;
                failed += u32::from(page.source == PageSource::Failed || picture.is_err());
                if let Some(out) = &mut out {
                    write_page(out, &page, &picture).map_err(|error| unwritable(args, error))?;
                }
            }
            Step::Working { .. } | Step::Done(_) => {}
        }
    }
    if let Some(mut out) = out {
        out.write_all(b"</main>\n").and_then(|()| out.flush()).map_err(|error| unwritable(args, error))?;
    }
    if !global.json {
        output::note(&format!("{shown} pages are in `{}`; open it in a browser", args.output.display()));
    }
    Ok(match failed {
        0 => Outcome::Done,
        failed if failed == shown => Outcome::Failed,
        _ => Outcome::Partial,
    })
}

fn unwritable(args: &CompareArgs, error: io::Error) -> Problem {
    Problem::new(
        ErrorCode::InvalidRequest,
        format!("cannot write `{}`: {error}; choose another place with `-o`", args.output.display()),
    )
    .caused_by(error)
}

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; background: #eceef1; color: #1b1f24 }
header { padding: 1rem 1.5rem; background: #fff; border-bottom: 1px solid #d5d9de }
h1 { font-size: 1.15rem; margin: 0 } header p { margin: .3rem 0 0; color: #59626d }
section { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.5rem; padding: 1.5rem }
h2 { grid-column: 1 / -1; font-size: 1rem; margin: 0 }
figure { position: relative; margin: 0; align-self: start; background: #fff; box-shadow: 0 1px 4px #0003 }
figure img { display: block; width: 100% }
figure i { position: absolute; border: 1.5px solid; box-sizing: border-box; font: 700 11px/1 system-ui }
figure i b { position: absolute; top: -1px; right: 100%; padding: 1px 3px; color: #fff; background: var(--ink) }
figure i, li { border-color: var(--ink) } figure i { background: color-mix(in srgb, var(--ink) 9%, transparent) }
ol { list-style: none; margin: 0; padding: 0 }
li { background: #fff; border-left: 4px solid var(--ink); margin: 0 0 .4rem; padding: .3rem .7rem; white-space: pre-wrap; overflow-wrap: anywhere }
li small { color: var(--ink); font-weight: 700; margin-right: .5rem; white-space: nowrap }
table { border-collapse: collapse; font-size: .85rem } td, th { border: 1px solid #c3c9d0; padding: .1rem .4rem; text-align: left; vertical-align: top }
.heading { --ink: #b3261e } .paragraph { --ink: #1d5fbf } .list_item { --ink: #00756b } .table { --ink: #7a3eb1 }
.figure { --ink: #8a6100 } .caption { --ink: #a3477e } .footnote { --ink: #566200 } .formula { --ink: #3b6e22 }
.header, .footer { --ink: #69727d }
@media (max-width: 800px) { section { grid-template-columns: minmax(0, 1fr) } }
";

fn write_head(out: &mut impl Write, file: &Path, pages: u32) -> io::Result<()> {
    let name = escaped(&file.file_name().unwrap_or_default().to_string_lossy());
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>")?;
    // Text of a document may not load or run anything, whatever it says.
    let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
    writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>")?;
    write!(out, "<header><h1>{name}</h1><p>{pages} pages, as read by Pagemill {version}. ")?;
    writeln!(out, "Boxes are numbered in reading order; the text of each stands beside the page.</p></header><main>")
}

fn write_page(out: &mut impl Write, page: &Page, picture: &Result<Vec<u8>, Problem>) -> io::Result<()> {
    let label = page.label.as_ref().map(|label| format!(" ({})", escaped(label))).unwrap_or_default();
    let reason = page.reason.as_ref().map(|reason| format!("({})", escaped(reason))).unwrap_or_default();
    let source = page.source.as_str();
    writeln!(out, "<section><h2>Page {}{label}: {source}{reason}</h2>\n<figure>", page.number)?;
    match picture {
        Ok(png) => {
            write!(out, "<img alt=\"page {}\" src=\"data:image/png;base64,", page.number)?;
            write_base64(out, png)?;
            writeln!(out, "\">")?;
        }
        Err(problem) => writeln!(out, "<p>{}: {}</p>", problem.code, escaped(&problem.message))?,
    }
    for (place, block) in (1..).zip(&page.blocks) {
        let percent = |points: f32, side: f32| if side > 0.0 { 100.0 * points / side } else { 0.0 };
        writeln!(
            out,
            "<i class=\"{}\" style=\"left:{:.2}%;top:{:.2}%;width:{:.2}%;height:{:.2}%\"><b>{place}</b></i>",
            block.kind.as_str(),
            percent(block.bbox.x0, page.width),
            percent(block.bbox.y0, page.height),
            percent(block.bbox.width(), page.width),
            percent(block.bbox.height(), page.height),
        )?;
    }
    writeln!(out, "</figure>\n<ol>")?;
    for (place, block) in (1..).zip(&page.blocks) {
        write_block(out, place, block)?;
    }
    writeln!(out, "</ol></section>")
}

fn write_block(out: &mut impl Write, place: u32, block: &Block) -> io::Result<()> {
    let kind = block.kind.as_str();
    let level = block.level.map(|level| format!(" {level}")).unwrap_or_default();
    write!(out, "<li class=\"{kind}\"><small>{place} {}{level}</small>", kind.replace('_', " "))?;
    if block.cells.is_empty() {
        return writeln!(out, "{}</li>", escaped(&block.text));
    }
    write!(out, "<table>")?;
    for row in block.cells.chunk_by(|a, b| a.row == b.row) {
        write!(out, "<tr>")?;
        for Cell { row_span, col_span, header, text, .. } in row {
            let tag = if *header { "th" } else { "td" };
            write!(out, "<{tag} rowspan={row_span} colspan={col_span}>{}</{tag}>", escaped(text))?;
        }
        write!(out, "</tr>")?;
    }
    writeln!(out, "</table></li>")
}

/// Text as it may stand in HTML, in quotes, too.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// RFC 4648, section 4.
fn write_base64(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let at = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let value = at(0) << 16 | at(1) << 8 | at(2);
        let mut text = [18, 12, 6, 0].map(|shift| DIGITS[(value >> shift & 63) as usize]);
        text[group.len() + 1..].fill(b'=');
        out.write_all(&text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let of = |text: &str| {
            let mut out = Vec::new();
            write_base64(&mut out, text.as_bytes()).unwrap();
            String::from_utf8(out).unwrap()
        };
        let vectors =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in vectors {
            assert_eq!(of(plain), coded);
        }
    }

    #[test]
    fn text_is_text() {
        assert_eq!(escaped("<script>\"a\" & 'b'\u{7}"), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\u{fffd}");
    }
}
