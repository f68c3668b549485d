//! Bodies as objects of an object store: S3 and what is compatible with it, or HDFS.
//!
//! A body is uploaded from its staged file, and is an object of its own whatever its size: objects cannot be appended
//! to. An upload whose end is not known for sure is garbage, and the next attempt has another name.

use super::{
    body::{Bodies, BodyName, Source, Staged, Unpublished},
    mark::{MARK, MARK_BYTES},
    medium::{read_exact, Medium},
};
use crate::StoreError;
use futures::TryStreamExt;
use hdfs_native_object_store::HdfsObjectStoreBuilder;
use lunarx_core::ContractId;
use object_store::{
    aws::AmazonS3Builder, path::Path as ObjectPath, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart,
};
use std::{fmt, io, sync::Arc};
use tokio::runtime::{Builder, Runtime};

/// Bytes of a part of an upload; S3 takes no part below 5 MiB, and no more than 10,000.
const PART_BYTES: u64 = 8 << 20;
/// Parts under way at a time.
const MOST_PARTS: usize = 2;
/// Threads that wait for the object store.
const THREADS: usize = 2;

/// An object store, and where in it bodies lie.
#[derive(Clone, Debug)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    url: String,
}

impl Remote {
    /// The object store of a URL: `s3://BUCKET/PREFIX`, with keys, region and endpoint in the `AWS_` variables of the
    /// environment; or `hdfs://HOST:PORT/PREFIX`, with Hadoop's configuration in `HADOOP_CONF_DIR`.
    ///
    /// # Errors
    /// `Remote` if the URL or the environment names no object store.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Remote { url: url.into(), reason };
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || host.contains('@') {
            return Err(refused(
                "expected s3://BUCKET/PREFIX or hdfs://HOST:PORT/PREFIX, without a secret".into(),
            ));
        }
        let store: Arc<dyn ObjectStore> = match scheme {
            "s3" => {
                let built = AmazonS3Builder::from_env().with_bucket_name(host).build();
                Arc::new(built.map_err(|error| refused(error.to_string()))?)
            }
            "hdfs" => {
                let built = HdfsObjectStoreBuilder::new().with_url(format!("hdfs://{host}")).build();
                Arc::new(built.map_err(|error| refused(error.to_string()))?)
            }
            _ => return Err(refused("expected s3:// or hdfs://".into())),
        };
        let prefix =
            ObjectPath::parse(prefix.trim_end_matches('/')).map_err(|error| refused(error.to_string()))?;
        Ok(Self { store, prefix, url: url.trim_end_matches('/').into() })
    }

    /// An object store that the caller made; `url` names it in the metadata.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str, url: &str) -> Self {
        Self { store, prefix: prefix.into(), url: url.into() }
    }

    /// What names it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// Opens the bodies in an object store.
pub(super) fn open(remote: &Remote, medium: Arc<dyn Medium>) -> Result<Box<dyn Bodies>, StoreError> {
    Ok(Box::new(Objects::new(remote.clone(), medium)?))
}

/// Bodies in an object store.
struct Objects {
    remote: Remote,
    medium: Arc<dyn Medium>,
    /// `None` once it is dropped.
    runtime: Option<Arc<Runtime>>,
}

impl Objects {
    fn new(remote: Remote, medium: Arc<dyn Medium>) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("objects")
            .enable_all()
            .build()
            .map_err(StoreError::at("threads of the object store"))?;
        Ok(Self { remote, medium, runtime: Some(Arc::new(runtime)) })
    }

    fn runtime(&self) -> &Arc<Runtime> {
        self.runtime.as_ref().expect("there until it is dropped; qed")
    }

    fn path(&self, name: BodyName) -> ObjectPath {
        let folder = BodyName::folder(name.place.0);
        folder.split('/').fold(self.remote.prefix.clone(), |path, part| path.join(part)).join(name.file())
    }

    fn failed(&self, error: &object_store::Error) -> StoreError {
        StoreError::Remote { url: self.remote.url.clone(), reason: error.to_string() }
    }

    async fn upload(&self, staged: &Staged, path: &ObjectPath) -> object_store::Result<()> {
        let total = staged.file.len().map_err(local)?;
        let part = |offset: u64| {
            let len = (total - offset).min(PART_BYTES);
            let mut bytes = vec![0; usize::try_from(len).expect("PART_BYTES at most; qed")];
            read_exact(staged.file.as_ref(), offset, &mut bytes).map_err(local)?;
            object_store::Result::Ok(bytes)
        };
        if total <= PART_BYTES {
            self.remote.store.put(path, PutPayload::from(part(0)?)).await?;
            return Ok(());
        }
        let upload = self.remote.store.put_multipart(path).await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, part(0)?.len());
        let mut offset = 0;
        while offset < total {
            let written = async {
                upload.wait_for_capacity(MOST_PARTS).await?;
                part(offset)
            };
            match written.await {
                Ok(bytes) => upload.put(bytes.into()),
                Err(error) => {
                    // Else its parts would be paid for until somebody looks.
                    let _ = upload.abort().await;
                    return Err(error);
                }
            }
            offset += PART_BYTES;
        }
        upload.finish().await.map(drop)
    }
}

impl Bodies for Objects {
    fn publish(&self, staged: &Staged, name: BodyName) -> Result<(), Unpublished> {
        let path = self.path(name);
        let uploaded = self.runtime().block_on(self.upload(staged, &path));
        uploaded.map_err(|error| self.failed(&error))?;
        // It is swept later if it resists.
        if let Err(error) = self.medium.remove(&staged.path) {
            tracing::warn!(path = %staged.path.display(), %error, "left behind until the next start");
        }
        Ok(())
    }

    fn open(&self, name: BodyName, total: u64) -> io::Result<Arc<dyn Source>> {
        let path = self.path(name);
        let head = self.runtime().block_on(self.remote.store.head(&path)).map_err(remote)?;
        if head.size != total {
            let what = format!("{} bytes, expected {total}", head.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Arc::new(Object {
            store: self.remote.store.clone(),
            path,
            runtime: Arc::downgrade(self.runtime()),
        }))
    }

    fn remove(&self, names: &[BodyName]) -> Result<(), StoreError> {
        for name in names {
            match self.runtime().block_on(self.remote.store.delete(&self.path(*name))) {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn list(&self, contract: ContractId) -> Result<Vec<BodyName>, StoreError> {
        let folder = BodyName::folder(contract);
        let prefix = folder.split('/').fold(self.remote.prefix.clone(), |path, part| path.join(part));
        let listing = self.remote.store.list(Some(&prefix)).try_collect::<Vec<_>>();
        let found = self.runtime().block_on(listing).map_err(|error| self.failed(&error))?;
        let parsed = found.iter().filter_map(|object| BodyName::parse(object.location.filename()?));
        Ok(parsed.filter(|name| name.place.0 == contract).collect())
    }

    fn mark(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.remote.prefix.clone().join(MARK);
        let read = async {
            let found = self.remote.store.get(&path).await?;
            match usize::try_from(found.meta.size) == Ok(MARK_BYTES) {
                true => found.bytes().await.map(|bytes| Some(bytes.to_vec())),
                false => Ok(None),
            }
        };
        match self.runtime().block_on(read) {
            Ok(mark) => Ok(mark),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn set_mark(&self, mark: &[u8]) -> Result<(), StoreError> {
        let path = self.remote.prefix.clone().join(MARK);
        let put = self.remote.store.put(&path, PutPayload::from(mark.to_vec()));
        self.runtime().block_on(put).map(drop).map_err(|error| self.failed(&error))
    }

    fn most_packed(&self) -> u64 {
        0
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // A runtime that is dropped waits, which an async caller must not.
        if let Some(runtime) = self.runtime.take().and_then(Arc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("url", &self.remote.url).finish_non_exhaustive()
    }
}

/// One object.
struct Object {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    runtime: std::sync::Weak<Runtime>,
}

impl Source for Object {
    fn read_exact(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let end = offset + u64::try_from(bytes.len()).map_err(io::Error::other)?;
        let runtime = self.runtime.upgrade().ok_or_else(|| io::Error::other("the store is closed"))?;
        let read = runtime.block_on(self.store.get_range(&self.path, offset..end)).map_err(remote)?;
        if read.len() != bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.copy_from_slice(&read);
        Ok(())
    }
}

/// What a failed request means to a reader.
fn remote(error: object_store::Error) -> io::Error {
    match error {
        object_store::Error::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, error),
        error => io::Error::other(error),
    }
}

/// A staged file that cannot be read.
fn local(source: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "staged file", source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_and_never_hold_secrets() {
        for url in
            ["", "s3://", "ftp://host/x", "s3:bucket", "s3://key:secret@bucket/x", "hdfs:///x", "/srv/pieces"]
        {
            let refused = Remote::from_url(url).unwrap_err();
            assert!(matches!(&refused, StoreError::Remote { .. }), "{url}: {refused}");
        }
        let remote = Remote::from_url("s3://bucket/some/prefix/").unwrap();
        assert_eq!((remote.prefix.as_ref(), remote.url()), ("some/prefix", "s3://bucket/some/prefix"));
        assert_eq!(Remote::from_url("s3://bucket").unwrap().prefix.as_ref(), "");
    }
}
