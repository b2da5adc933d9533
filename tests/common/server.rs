//! The real program as a service on a free port.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A photo of the repository.
pub const PHOTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-photos/collins-derived-gray.jpg");

/// How long a test waits before it calls something hung. Nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The command, without the variables of whoever runs the tests.
pub fn gradphoto(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradphoto"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GRADPHOTO_SERVE_") {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// A running service; ended when dropped.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

impl Server {
    /// Starts one on a free port of loopback.
    pub fn start(args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = gradphoto(&["serve", "--listen", "127.0.0.1:0"]);
        // Most are killed, and leave their temporary folders.
        command.env("TMPDIR", dir.path());
        command.args(args).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().and_then(|address| address.parse().ok());
        let said = std::fs::read_to_string(&log).unwrap();
        Self { address: address.unwrap_or_else(|| panic!("{line:?}: {said}")), child, log, _dir: dir }
    }

    /// What was logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `bytes` and returns what comes back until the end. The service may close while it is still sent to.
    pub fn send(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        read(&mut stream)
    }

    /// Sends a photo to `uri`.
    pub fn post(&self, uri: &str, photo: &[u8]) -> String {
        self.send(&request(uri, "Content-Type: image/jpeg\r\n", photo))
    }

    /// What is at `uri`.
    pub fn get(&self, uri: &str, headers: &str) -> String {
        self.send(format!("GET {uri} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n").as_bytes())
    }

    /// Asks it to end.
    #[cfg(unix)]
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Its resident memory in MiB, where the system tells.
    pub fn resident(&self) -> Option<u64> {
        self.status("VmRSS:")
    }

    /// The most it was since the start.
    pub fn peak(&self) -> Option<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that comes until the end, or until the connection is reset.
pub fn read(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => out.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => panic!("no end came: {error}"),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A request with a body, after which the connection ends.
pub fn request(uri: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {uri} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The status of an answer, if there is one.
pub fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Bytes of a file of the repository.
pub fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
