//! Who a node is: its ed25519 key, which libp2p's peer ids of that kind carry whole.

use crate::NetworkError;
use libp2p::{
    identity::{ed25519, Keypair, PublicKey},
    PeerId,
};
use lunarx_core::{NodeKey, NodeSignature};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};
use zeroize::Zeroizing;

/// The file of a daemon's secret in its data folder.
pub const NODE_KEY_FILE: &str = "node.key";
/// Multihash code of an inlined key ("identity").
const INLINED: u64 = 0;
/// Only its owner may read a secret.
const SECRET_MODE: u32 = 0o600;
/// A secret's file is 64 hexadecimal digits, perhaps with a line end.
const MAX_SECRET_FILE: u64 = 128;

/// A node's secret: the seed of its ed25519 key. Erased from memory when dropped.
#[derive(Clone)]
pub struct NodeSecret(Zeroizing<[u8; 32]>);

impl NodeSecret {
    /// Takes a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Zeroizing::new(seed))
    }

    /// A new one, from the system's randomness.
    pub fn generate() -> Self {
        let secret = ed25519::SecretKey::generate();
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(secret.as_ref());
        Self(seed)
    }

    /// The secret of the daemon whose data folder is `dir`, made there once.
    pub fn open_or_create(dir: &Path) -> Result<Self, NetworkError> {
        Self::load_or_create(&dir.join(NODE_KEY_FILE))
    }

    /// Reads the secret at `path`, or makes one there that only its owner may read.
    pub fn load_or_create(path: &Path) -> Result<Self, NetworkError> {
        let failed =
            |error: io::Error| NetworkError::Secret { path: path.to_path_buf(), reason: error.to_string() };
        match File::open(path) {
            Ok(file) => Self::read(file).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path).map_err(failed),
            Err(error) => Err(failed(error)),
        }
    }

    fn read(file: File) -> io::Result<Self> {
        let mode = file.metadata()?.mode() & 0o777;
        if mode & 0o077 != 0 {
            let text = format!("mode is {mode:o}, expected {SECRET_MODE:o}: run `chmod 600` on it");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_SECRET_FILE).read_to_string(&mut text)?;
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), seed.as_mut_slice())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not 64 hexadecimal digits"))?;
        Ok(Self(seed))
    }

    /// Complete on disk before it has its name: a crash leaves no half secret behind.
    fn create(path: &Path) -> io::Result<Self> {
        let secret = Self::generate();
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let draft = path.with_extension(format!("new-{}", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(SECRET_MODE).open(&draft)?;
        file.set_permissions(fs::Permissions::from_mode(SECRET_MODE))?;
        let text = Zeroizing::new(hex::encode(secret.0.as_slice()));
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A link, not a rename: it does not replace a secret that another process just made.
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match linked {
            Ok(()) => File::open(folder)?.sync_all().map(|()| secret),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(File::open(path)?),
            Err(error) => Err(error),
        }
    }

    /// The public key.
    pub fn node_key(&self) -> NodeKey {
        NodeKey(self.ed25519().public().to_bytes())
    }

    /// Signs with the key.
    pub fn sign(&self, payload: &[u8]) -> NodeSignature {
        let signature = self.ed25519().sign(payload);
        NodeSignature(signature.try_into().expect("ed25519 signatures have 64 bytes; qed"))
    }

    pub(crate) fn keypair(&self) -> Keypair {
        Keypair::from(self.ed25519())
    }

    fn ed25519(&self) -> ed25519::Keypair {
        let mut seed = self.0.clone();
        let secret = ed25519::SecretKey::try_from_bytes(seed.as_mut_slice())
            .expect("every 32 bytes are an ed25519 seed; qed");
        ed25519::Keypair::from(secret)
    }
}

impl std::fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeSecret(..)")
    }
}

/// libp2p's name of a node; `None` if `key` is not a point of the curve.
pub fn peer_id_of(key: &NodeKey) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(&key.0).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The key in a peer id; `None` if it is of another kind than ed25519.
pub fn node_key_of(peer: &PeerId) -> Option<NodeKey> {
    let multihash = peer.as_ref();
    if multihash.code() != INLINED {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(multihash.digest()).ok()?;
    Some(NodeKey(key.try_into_ed25519().ok()?.to_bytes()))
}

/// Whether `key` signed `payload`.
pub fn verify_signature(key: &NodeKey, payload: &[u8], signature: &NodeSignature) -> bool {
    ed25519::PublicKey::try_from_bytes(&key.0).is_ok_and(|key| key.verify(payload, &signature.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_key_and_peer_id_convert_both_ways() {
        let secret = NodeSecret::from_seed([7; 32]);
        let peer = secret.keypair().public().to_peer_id();
        assert_eq!(peer_id_of(&secret.node_key()), Some(peer));
        assert_eq!(node_key_of(&peer), Some(secret.node_key()));
    }

    #[test]
    fn peer_ids_of_other_kinds_have_no_node_key() {
        // An RSA key is hashed, not inlined.
        let hashed: PeerId = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N".parse().unwrap();
        assert_eq!(node_key_of(&hashed), None);
        // A secp256k1 key is inlined.
        let secp: PeerId = "16Uiu2HAm4Nn1c9vQhNEuRfMoAhWVH3b4ckr2ojSaKTCTMSNR7GdH".parse().unwrap();
        assert_eq!(node_key_of(&secp), None);
        assert_eq!(node_key_of(&PeerId::random()), None);
    }

    #[test]
    fn signatures_bind_key_and_payload() {
        let (secret, other) = (NodeSecret::from_seed([1; 32]), NodeSecret::from_seed([2; 32]));
        let signature = secret.sign(b"offer");
        assert!(verify_signature(&secret.node_key(), b"offer", &signature));
        assert!(!verify_signature(&secret.node_key(), b"offers", &signature));
        assert!(!verify_signature(&other.node_key(), b"offer", &signature));
    }

    #[test]
    fn secret_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join(NODE_KEY_FILE);
        let made = NodeSecret::open_or_create(path.parent().unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, SECRET_MODE);
        assert_eq!(NodeSecret::load_or_create(&path).unwrap().node_key(), made.node_key());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(format!("{made:?}"), "NodeSecret(..)");
    }

    #[test]
    fn refuses_a_secret_that_others_can_read_or_that_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node");
        fs::write(&path, "11".repeat(32)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(NodeSecret::load_or_create(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(NodeSecret::load_or_create(&path).is_ok());
        fs::write(&path, "11".repeat(31)).unwrap();
        assert!(NodeSecret::load_or_create(&path).is_err());
    }
}
