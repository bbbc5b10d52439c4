//! The language of a document, from a sample of its text.

/// So much text is enough, in bytes.
const ENOUGH: usize = 6_000;
/// Less text than this tells nothing.
const LEAST: usize = 60;

/// Gathers text until there is enough of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(String);

impl Sample {
    /// Adds a paragraph.
    pub(crate) fn add(&mut self, text: &str) {
        if self.0.len() < ENOUGH && text.len() > 40 {
            self.0.push_str(text);
            self.0.push('\n');
        }
    }

    /// ISO 639-3 of the language most likely, where it is clear.
    pub(crate) fn language(&self) -> Option<String> {
        if self.0.len() < LEAST {
            return None;
        }
        let info = whatlang::detect(&self.0)?;
        (info.is_reliable() || info.confidence() > 0.5).then(|| info.lang().code().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told() {
        let mut sample = Sample::default();
        assert_eq!(sample.language(), None);
        sample.add(
            "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller Gewalt.",
        );
        assert_eq!(sample.language().as_deref(), Some("deu"));
    }
}
