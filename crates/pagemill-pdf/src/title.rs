//! The title of a document: what its metadata says where the first page bears it out.

use rustc_hash::FxHashSet;

/// The title in the metadata if it is one and stands on the first page; else the heading
/// that opens the first page; else what the metadata says, if it can be a title.
pub(crate) fn choose(metadata: Option<String>, heading: Option<String>, first_page: &str) -> Option<String> {
    let sound = metadata.filter(|title| is_sound(title));
    match (sound, heading) {
        (Some(title), Some(heading)) => Some(if stands_in(&title, first_page) { title } else { heading }),
        (title, heading) => title.or(heading),
    }
}

/// Whether most words of the title are among those of the page.
fn stands_in(title: &str, page: &str) -> bool {
    let known: FxHashSet<String> = words(page).collect();
    let (mut all, mut found) = (0_usize, 0_usize);
    for word in words(title) {
        all += 1;
        found += usize::from(known.contains(&word));
    }
    found * 10 >= all * 6
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2).map(str::to_lowercase)
}

/// Whether a title in the metadata can be one: it is not the name of a file or of a program.
fn is_sound(title: &str) -> bool {
    let lower = title.to_lowercase();
    let file = [".doc", ".docx", ".pdf", ".tex", ".dvi", ".indd", ".qxd", ".rtf", ".ps", ".odt", ".ppt", ".xls"]
        .iter()
        .any(|ending| lower.ends_with(ending));
    let program = ["microsoft word", "untitled", "powerpoint", "layout 1", "slide 1", "document", "title"]
        .iter()
        .any(|name| lower.starts_with(name) && lower.len() < name.len() + 14);
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 4 && !file && !program && (title.contains(' ') || letters > 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_borne_out_by_the_page() {
        let page = "Draft genome of a tropical tree. We sequenced the genome of teak.";
        let heading = || Some("Draft genome of a tropical tree".to_owned());
        let told = |metadata: &str| choose(Some(metadata.to_owned()), heading(), page);
        assert_eq!(told("OP-DNAR180013 409..420"), heading());
        assert_eq!(told("Microsoft Word - draft.doc"), heading());
        assert_eq!(told("A Draft Genome").as_deref(), Some("A Draft Genome"));
        assert_eq!(choose(Some("untitled".to_owned()), None, page), None);
    }
}
