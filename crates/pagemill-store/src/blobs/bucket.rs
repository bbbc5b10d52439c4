//! Blobs in a bucket that speaks S3.

use std::{fs::File, io::Read, sync::Arc};

use bytes::Bytes;
use futures::{
    TryStreamExt,
    stream::{BoxStream, StreamExt},
};
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart, aws::AmazonS3Builder, path::Path as Key};
use pagemill_core::{ErrorCode, Problem};
use tempfile::NamedTempFile;

use super::{BlobEntry, FromIo, PIECE, is_name, missing, writer::blocking};

/// Files above this size go up in parts.
const IN_ONE_PIECE: u64 = 8 * 1024 * 1024;
/// Parts on their way at once.
const PARTS: usize = 4;

/// A bucket of blobs, all below one prefix.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
}

impl Bucket {
    /// Opens `s3://bucket/prefix` with what the environment says in `AWS_*`.
    pub(super) fn open(url: &str) -> Result<Self, Problem> {
        let invalid = |why: &str| {
            Problem::new(ErrorCode::InvalidConfig, format!("`{url}` is not a bucket that can be used: {why}"))
        };
        let parsed = url::Url::parse(url).map_err(|error| invalid("it is not a URL").caused_by(error))?;
        let bucket = parsed.host_str().ok_or_else(|| invalid("it names no bucket"))?;
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| invalid("check the `AWS_*` variables").caused_by(error))?;
        Ok(Self::over(Arc::new(store), parsed.path()))
    }

    /// Blobs below a prefix of any object store.
    pub(super) fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: Key::from(prefix) }
    }

    /// Brings a file up under its hash.
    pub(super) async fn put(&self, file: NamedTempFile, sha256: &str, size: u64) -> Result<(), Problem> {
        if self.exists(sha256).await? {
            return Ok(());
        }
        let key = self.key(sha256);
        let path = file.path().to_owned();
        let mut source = file.reopen().map_err(|error| Problem::from_io(error, &path))?;
        if size <= IN_ONE_PIECE {
            let bytes = blocking(move || {
                let mut bytes = Vec::new();
                source.read_to_end(&mut bytes).map_err(|error| Problem::from_io(error, &path))?;
                Ok(bytes)
            })
            .await?;
            return self.store.put(&key, bytes.into()).await.map(drop).map_err(|error| trouble(error, sha256));
        }
        let upload = self.store.put_multipart(&key).await.map_err(|error| trouble(error, sha256))?;
        let mut upload = WriteMultipart::new(upload);
        let mut piece = vec![0; PIECE];
        loop {
            let path = path.clone();
            let length;
            (source, piece, length) = blocking(move || {
                let length = source.read(&mut piece).map_err(|error| Problem::from_io(error, &path))?;
                Ok((source, piece, length))
            })
            .await?;
            if length == 0 {
                return upload.finish().await.map(drop).map_err(|error| trouble(error, sha256));
            }
            upload.wait_for_capacity(PARTS).await.map_err(|error| trouble(error, sha256))?;
            upload.write(&piece[..length]);
        }
    }

    pub(super) async fn get(&self, sha256: &str) -> Result<Bytes, Problem> {
        let found = self.store.get(&self.key(sha256)).await.map_err(|error| trouble(error, sha256))?;
        found.bytes().await.map_err(|error| trouble(error, sha256))
    }

    pub(super) async fn get_stream(&self, sha256: &str) -> Result<BoxStream<'static, Result<Bytes, Problem>>, Problem> {
        let found = self.store.get(&self.key(sha256)).await.map_err(|error| trouble(error, sha256))?;
        let name = sha256.to_owned();
        Ok(found.into_stream().map_err(move |error| trouble(error, &name)).boxed())
    }

    pub(super) async fn open_file(&self, sha256: &str) -> Result<File, Problem> {
        use std::io::{Seek, Write};
        let failed = |error| Problem::from_io(error, &std::env::temp_dir());
        let mut pieces = self.get_stream(sha256).await?;
        let mut file = tempfile::tempfile().map_err(failed)?;
        while let Some(piece) = pieces.try_next().await? {
            file = blocking(move || {
                file.write_all(&piece).map_err(|error| Problem::from_io(error, &std::env::temp_dir()))?;
                Ok(file)
            })
            .await?;
        }
        file.rewind().map_err(failed)?;
        Ok(file)
    }

    pub(super) async fn exists(&self, sha256: &str) -> Result<bool, Problem> {
        match self.store.head(&self.key(sha256)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(trouble(error, sha256)),
        }
    }

    pub(super) async fn delete(&self, sha256: &str) -> Result<(), Problem> {
        match self.store.delete(&self.key(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(trouble(error, sha256)),
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<BlobEntry>, Problem> {
        let entries = self.store.list(Some(&self.prefix)).map_err(|error| trouble(error, ""));
        entries
            .try_filter_map(|object| async move {
                let name = object.location.filename().filter(|name| is_name(name));
                Ok(name.map(|name| BlobEntry {
                    sha256: name.to_owned(),
                    bytes: object.size,
                    modified_ms: object.last_modified.timestamp_millis(),
                }))
            })
            .try_collect()
            .await
    }

    fn key(&self, sha256: &str) -> Key {
        let shelf = self.prefix.clone().join(&sha256[..2]);
        shelf.join(sha256)
    }
}

fn trouble(error: object_store::Error, sha256: &str) -> Problem {
    use object_store::Error;
    match error {
        Error::NotFound { .. } => missing(sha256),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            Problem::new(ErrorCode::InvalidConfig, "the bucket refuses the keys given in `AWS_*`").caused_by(error)
        }
        _ => Problem::new(ErrorCode::BlobsUnavailable, "the bucket does not answer; it will be tried again")
            .caused_by(error),
    }
}
