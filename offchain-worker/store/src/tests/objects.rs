//! Stores whose bodies lie in an object store: in memory, at a real S3 server on loopback, and in HDFS where there is
//! one.

use super::*;
use crate::{Remote, StoreError};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use object_store::{aws::AmazonS3Builder, memory::InMemory, ObjectStoreExt};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use std::{
    fs,
    net::SocketAddr,
    sync::{
        atomic::{AtomicU32, Ordering},
        Arc, OnceLock,
    },
};

/// A store with its bodies somewhere else.
pub(super) struct Elsewhere {
    store: Option<Store>,
    config: StoreConfig,
    dir: tempfile::TempDir,
}

impl Elsewhere {
    fn new(quota: u64, remote: Remote) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { floor: 0, remote: Some(remote), ..StoreConfig::new(quota) };
        let store = Some(Store::open(dir.path(), config.clone()).unwrap());
        Self { store, config, dir }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn reopened(mut self) -> Self {
        self.store = None;
        self.store = Some(Store::open(self.dir.path(), self.config.clone()).unwrap());
        self
    }
}

macro_rules! subject {
    ($name:ident, $remote:expr) => {
        pub(super) struct $name(Elsewhere);

        impl Subject for $name {
            fn new(quota: u64) -> Self {
                Self(Elsewhere::new(quota, $remote))
            }

            fn store(&self) -> &dyn PieceStore {
                self.0.store()
            }

            fn reopened(self) -> Self {
                Self(self.0.reopened())
            }
        }
    };
}

subject!(InObjects, Remote::new(Arc::new(InMemory::new()), "some/prefix", "memory://"));
subject!(InS3, bucket());
subject!(InHdfs, Remote::from_url(&format!("{}/{}", InHdfs::url().unwrap(), unique())).unwrap());

impl InHdfs {
    /// An HDFS for these tests.
    pub(super) fn url() -> Option<String> {
        std::env::var("LUNARX_TEST_HDFS").ok()
    }
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("bucket-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An S3 server of this process, and the folder with its buckets.
fn server() -> &'static (SocketAddr, tempfile::TempDir) {
    static SERVER: OnceLock<(SocketAddr, tempfile::TempDir)> = OnceLock::new();
    SERVER.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("key", "secret"));
        let service = service.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    let service = service.clone();
                    tokio::spawn(async move {
                        let server = Builder::new(TokioExecutor::new());
                        let _ = server.serve_connection(TokioIo::new(socket), service).await;
                    });
                }
            });
        });
        (address, dir)
    })
}

/// A new bucket at the server, with the right key.
fn bucket() -> Remote {
    let (address, dir) = server();
    let name = unique();
    fs::create_dir(dir.path().join(&name)).unwrap();
    at(&name, *address, "secret")
}

fn at(bucket: &str, address: SocketAddr, secret: &str) -> Remote {
    let store = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region("somewhere")
        .with_endpoint(format!("http://{address}"))
        .with_allow_http(true)
        .with_access_key_id("key")
        .with_secret_access_key(secret)
        .with_retry(object_store::RetryConfig { max_retries: 0, ..Default::default() })
        .build()
        .unwrap();
    Remote::new(Arc::new(store), "pieces", &format!("s3://{bucket}/pieces"))
}

#[test]
fn a_large_piece_is_uploaded_in_parts_to_a_real_server() {
    let remote = bucket();
    let subject = Elsewhere::new(1 << 30, remote);
    let bytes = content(1, 20_000_000);
    subject.store().reserve(id(1), reservation(30_000_000)).unwrap();
    let mut offset = 0;
    for part in bytes.chunks(1 << 20) {
        offset = subject.store().append(id(1), 0, offset, part).unwrap();
    }
    let piece = subject.store().finish(id(1), 0, offset).unwrap();
    assert_eq!(disk_bytes(subject.dir.path()), 0, "nothing of it is on the disk any more");
    let subject = subject.reopened();
    for offset in [0, 8_388_600, 16_777_200, 19_000_000] {
        let from = usize::try_from(offset).unwrap();
        let read = read(subject.store(), piece, offset, 1_000_000).unwrap();
        assert_eq!(read.bytes(), &bytes[from..from + 1_000_000]);
    }
    all_whole(subject.store());
    subject.store().remove(id(1)).unwrap();
    collect_all(subject.store());
    assert!(matches!(subject.store().read_range(piece, 0, 1), Err(StoreError::UnknownPiece(_))));
}

#[test]
fn an_object_that_is_damaged_or_gone_is_lost() {
    let remote = InMemory::new();
    let objects = Arc::new(remote);
    let subject = Elsewhere::new(1 << 20, Remote::new(objects.clone(), "", "memory://"));
    subject.store().reserve(id(1), reservation(300_000)).unwrap();
    let pieces: Vec<_> =
        (0..3).map(|index| put(subject.store(), id(1), index, &content(index.into(), 50_000))).collect();
    subject.store().keep(id(1)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let names: Vec<_> = runtime.block_on(async {
        use futures::TryStreamExt;
        use object_store::ObjectStore;
        let listed: Vec<_> = objects.list(None).try_collect().await.unwrap();
        let names = listed.into_iter().map(|object| object.location);
        names.filter(|name| name.as_ref() != "store-id").collect()
    });
    assert_eq!(names.len(), 3);
    runtime.block_on(async {
        objects.delete(&names[0]).await.unwrap();
        let mut bytes = objects.get(&names[1]).await.unwrap().bytes().await.unwrap().to_vec();
        bytes[100] ^= 1;
        objects.put(&names[1], bytes.into()).await.unwrap();
        objects.put(&names[2], vec![1; 10].into()).await.unwrap();
    });
    let scrubbed = subject.store().scrub(u64::MAX).unwrap();
    let faults = scrubbed.faults;
    assert_eq!(faults.iter().map(|fault| fault.piece).collect::<Vec<_>>(), pieces);
    assert!(subject.store().batch(id(1)).unwrap().is_empty());
}

#[test]
fn a_failed_upload_can_be_repeated_and_leaves_nothing() {
    let (address, dir) = server();
    let name = unique();
    // No such bucket yet.
    let subject = Elsewhere {
        store: None,
        config: StoreConfig {
            floor: 0,
            remote: Some(at(&name, *address, "secret")),
            ..StoreConfig::new(1 << 20)
        },
        dir: tempfile::tempdir().unwrap(),
    };
    let bucket = dir.path().join(&name);
    fs::create_dir(&bucket).unwrap();
    let subject = subject.reopened();
    subject.store().reserve(id(1), reservation(100_000)).unwrap();
    subject.store().append(id(1), 0, 0, &content(1, 50_000)).unwrap();
    let away = bucket.with_extension("away");
    fs::rename(&bucket, &away).unwrap();
    fs::write(&bucket, "no bucket").unwrap();
    let failed = subject.store().finish(id(1), 0, 50_000).unwrap_err();
    assert!(matches!(&failed, StoreError::Remote { .. }) && failed.is_fatal(), "{failed}");
    assert_eq!(subject.store().written(id(1), 0).unwrap(), 50_000);
    fs::remove_file(&bucket).unwrap();
    fs::rename(&away, &bucket).unwrap();
    let piece = subject.store().finish(id(1), 0, 50_000).unwrap();
    assert_eq!(read_all(subject.store(), piece, 50_000), content(1, 50_000));
    collect_all(subject.store());
    subject.store().verify();
    assert_eq!(subject.store().batch(id(1)).unwrap().len(), 1);
}

#[test]
fn a_wrong_key_is_told_and_tells_no_secret() {
    let (address, dir) = server();
    let name = unique();
    fs::create_dir(dir.path().join(&name)).unwrap();
    let config =
        StoreConfig { floor: 0, remote: Some(at(&name, *address, "guess")), ..StoreConfig::new(1 << 20) };
    let here = tempfile::tempdir().unwrap();
    let refused = Store::open(here.path(), config).unwrap_err();
    assert!(matches!(refused, StoreError::Remote { .. }), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("guess"));
}

#[test]
fn pieces_do_not_move_by_themselves() {
    let subject = Elsewhere::new(1 << 20, bucket());
    let Elsewhere { store, config, dir } = subject;
    drop(store);
    let refused = open(dir.path(), 1 << 20).unwrap_err();
    assert!(matches!(refused, StoreError::OtherBodies { .. }), "{refused}");
    Store::open(dir.path(), config).unwrap();
}
