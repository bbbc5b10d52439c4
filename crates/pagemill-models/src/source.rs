//! Where a model is imported from: a wheel (a ZIP file), or a folder with the same files.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use crate::ModelError;

/// No file of a model that is imported here is larger; a damaged or hostile one may say so.
const LARGEST_FILE: u64 = 1 << 30;

/// An opened wheel or folder.
pub(crate) enum Source {
    /// A ZIP file, and the folder in it that holds `config.json`.
    Wheel { path: PathBuf, archive: Box<ZipArchive<BufReader<File>>>, folder: String },
    /// A folder that holds `config.json`.
    Folder(PathBuf),
}

impl Source {
    /// Opens what `path` names and finds the model in it.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let found = fs::metadata(path).map_err(ModelError::io(path))?;
        if found.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let file = File::open(path).map_err(ModelError::io(path))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| ModelError::source(path, error))?;
        // The pooling layer has a `config.json` of its own, in a folder below.
        let folder = archive
            .file_names()
            .filter_map(Result::ok)
            .find_map(|name| name.strip_suffix("model.safetensors").map(str::to_owned))
            .ok_or_else(|| ModelError::source(path, "it holds no model.safetensors"))?;
        Ok(Self::Wheel { path: path.to_owned(), archive: Box::new(archive), folder })
    }

    /// The content of a file of the model.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>, ModelError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                fs::read(&path).map_err(ModelError::io(&path))
            }
            Self::Wheel { path, archive, folder } => {
                let entry = archive
                    .by_name(&format!("{folder}{name}"))
                    .map_err(|error| ModelError::source(path, format!("{name}: {error}")))?;
                let mut bytes = Vec::with_capacity(entry.size().min(LARGEST_FILE) as usize);
                entry.take(LARGEST_FILE).read_to_end(&mut bytes).map_err(ModelError::io(path))?;
                Ok(bytes)
            }
        }
    }
}
