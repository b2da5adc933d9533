//! TLS from two files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, crypto};

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("{}: no {what} could be read: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// What answers handshakes with the certificate and key of these PEM files: TLS 1.2 and 1.3, HTTP/1.1.
///
/// # Errors
/// When the files are unusable.
pub fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let file = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::File { path, what, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(file(certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(file(key, "private key"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_wrong_files_are_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
        let said = |certificate: &Path, key: &Path| acceptor(certificate, key).err().expect("refused").to_string();
        assert!(said(&certificate, &key).contains("c.pem: no certificate"));
        std::fs::write(&certificate, "hello").expect("writes");
        assert!(said(&certificate, &key).contains("c.pem: no certificate"));
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("makes one");
        std::fs::write(&certificate, pair.cert.pem()).expect("writes");
        assert!(said(&certificate, &key).contains("k.pem: no private key"));
        std::fs::write(&key, pair.signing_key.serialize_pem()).expect("writes");
        assert!(acceptor(&certificate, &key).is_ok());
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("makes one");
        std::fs::write(&key, other.signing_key.serialize_pem()).expect("writes");
        assert!(said(&certificate, &key).contains("cannot be used"));
    }
}
