//! Documents: the number by which rows name the document they belong to.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use pagemill_core::{DocumentId, ProjectId};

/// The documents that have or had vectors. A number, once given, stays.
///
/// There is one entry for every document of the library, in the writer and in what searches see: identifiers stand
/// one after the other, so that a document takes no block of memory of its own, and a copy is three plain ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Documents {
    /// The identifiers, in the order of the numbers.
    ids: String,
    entries: Vec<Entry>,
    /// Projects, in the order they were met.
    projects: Vec<ProjectId>,
    /// Numbers by the hash of the identifier.
    numbers: HashTable<u32>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where the identifier begins, in bytes.
    start: u64,
    length: u32,
    /// Its place among the projects.
    project: u32,
}

impl Documents {
    /// How many numbers were given.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of a document that has or had vectors.
    pub(super) fn find(&self, id: &DocumentId) -> Option<u32> {
        self.numbers.find(self.hasher.hash_one(id.as_str()), |number| self.text(*number) == Some(id.as_str())).copied()
    }

    /// The document of a number.
    pub(super) fn id(&self, number: u32) -> Option<DocumentId> {
        self.text(number)?.parse().ok()
    }

    /// The project of a document.
    pub(super) fn project(&self, number: u32) -> Option<&ProjectId> {
        self.projects.get(self.entries.get(number as usize)?.project as usize)
    }

    /// Whether a document is in this project.
    pub(super) fn is_in(&self, number: u32, project: &ProjectId) -> bool {
        self.project(number) == Some(project)
    }

    /// Of each number whether its document is in this project.
    pub(super) fn all_in(&self, project: &ProjectId) -> Vec<bool> {
        let wanted = self.projects.iter().position(|known| known == project);
        self.entries.iter().map(|entry| Some(entry.project as usize) == wanted).collect()
    }

    /// The number of a document, new or not. Its project is the last one told.
    pub(super) fn number(&mut self, id: &DocumentId, project: &ProjectId) -> u32 {
        let project = self.projects.iter().position(|known| known == project).unwrap_or_else(|| {
            self.projects.push(project.clone());
            self.projects.len() - 1
        }) as u32;
        if let Some(number) = self.find(id) {
            self.entries[number as usize].project = project;
            return number;
        }
        let number = self.entries.len() as u32;
        let id = id.as_str();
        self.entries.push(Entry { start: self.ids.len() as u64, length: id.len() as u32, project });
        self.ids.push_str(id);
        let Self { ids, entries, hasher, .. } = self;
        self.numbers.insert_unique(hasher.hash_one(id), number, |number| {
            hasher.hash_one(text(ids, entries, *number).unwrap_or_default())
        });
        number
    }

    fn text(&self, number: u32) -> Option<&str> {
        text(&self.ids, &self.entries, number)
    }
}

/// The identifier of a number.
fn text<'a>(ids: &'a str, entries: &[Entry], number: u32) -> Option<&'a str> {
    let entry = entries.get(number as usize)?;
    let start = usize::try_from(entry.start).ok()?;
    ids.get(start..start + entry.length as usize)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_stay_and_projects_follow() {
        let (one, other) = (ProjectId::default_project(), ProjectId::new());
        let ids: Vec<DocumentId> = (0..1_000).map(|_| DocumentId::new()).collect();
        let mut documents = Documents::default();
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(documents.number(id, &one), number as u32);
        }
        let copy = documents.clone();
        assert_eq!(documents.number(&ids[7], &other), 7);
        for (number, id) in ids.iter().enumerate() {
            let number = number as u32;
            assert_eq!((documents.find(id), documents.id(number).as_ref()), (Some(number), Some(id)));
            assert_eq!(documents.is_in(number, &one), number != 7);
            assert!(copy.is_in(number, &one));
        }
        assert_eq!(documents.all_in(&other).iter().position(|is_in| *is_in), Some(7));
        assert_eq!(documents.all_in(&ProjectId::new()).iter().filter(|is_in| **is_in).count(), 0);
        assert_eq!((documents.len(), documents.find(&DocumentId::new()), documents.id(1_000)), (1_000, None, None));
    }
}
