//! The real program on a real socket: slow, broken and hostile clients, keys, TLS, and an orderly end.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(all(feature = "server", unix))]

#[path = "common/random.rs"]
mod random;
#[path = "common/server.rs"]
mod server;

use std::io::{Cursor, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;

use image::{DynamicImage, ImageFormat};
use random::Random;
use server::{PHOTO, Server, bytes, gradphoto, read, request, status};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream, crypto};

#[test]
fn a_photo_is_judged_and_the_log_tells_nothing_of_it() {
    let server = Server::start(&["--set", "log.format=json"]);
    let form = [
        b"--e\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"zhangsan.jpg\"\r\n\r\n".to_vec(),
        bytes(PHOTO),
        b"\r\n--e--\r\n".to_vec(),
    ]
    .concat();
    let headers = "Content-Type: multipart/form-data; boundary=e\r\nX-Request-Id: from-the-proxy\r\n";
    let answer = server.send(&request("/v1/check?lang=en", headers, &form));
    assert_eq!(status(&answer), Some(200), "{answer}");
    assert!(answer.contains("\"name\":\"zhangsan.jpg\"") && answer.contains("gradphoto-verdict: reject"), "{answer}");
    server.terminate();
    let log = server.log();
    let line = log.lines().find(|line| line.contains("from-the-proxy")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["status"], &line["span"]["route"]), (&200.into(), &"/v1/check".into()));
    assert!(!log.contains("zhangsan"), "{log}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn slow_clients_are_given_up_and_hold_up_nobody() {
    let args = ["limits.header_seconds=1", "limits.body_seconds=1", "limits.connections=8"];
    let server = Server::start(&args.map(|setting| ["--set", setting]).concat());
    // As many as there are places: heads that never end, and clients that say nothing.
    let mut slow: Vec<TcpStream> = (0..8).map(|_| server.connect()).collect();
    for stream in &mut slow[..4] {
        stream.write_all(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    }
    assert_eq!(status(&server.get("/healthz", "")), Some(200), "served when the slow ones are given up");
    for stream in &mut slow {
        let answer = read(stream);
        assert!(matches!(status(&answer), None | Some(408)), "{answer}");
    }
    let mut stream = server.connect();
    stream.write_all(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf").unwrap();
    let answer = read(&mut stream);
    assert_eq!(status(&answer), Some(408), "{answer}");
    assert!(answer.contains("slow-body"), "{answer}");
}

#[test]
fn broken_and_oversize_requests_are_refused() {
    let server = Server::start(&["--set", "limits.body_bytes=100000", "--set", "limits.header_bytes=8192"]);
    let mut stream = server.connect();
    stream.write_all(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(matches!(status(&read(&mut stream)), None | Some(400)));

    let large = vec![0; 100_001];
    let answer = server.post("/v1/check", &large);
    assert_eq!(status(&answer), Some(413), "{answer}");
    // Nobody says how long this body is.
    let mut chunked =
        b"POST /v1/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_vec();
    for _ in 0..11 {
        chunked.extend_from_slice(b"2710\r\n");
        chunked.extend_from_slice(&large[..10_000]);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(status(&server.send(&chunked)), Some(413));

    let heads = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(20_000));
    assert_eq!(status(&server.send(heads.as_bytes())), Some(431));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: a\r\n".repeat(200));
    assert_eq!(status(&server.send(many.as_bytes())), Some(431));
    assert_eq!(status(&server.send(b"\x16\x03\x01\x02\x00\x01 not HTTP\r\n\r\n")), Some(400));
    assert_eq!(status(&server.get("/healthz", "")), Some(200));
}

#[test]
fn what_is_open_is_answered_before_the_end() {
    let server = Server::start(&[]);
    let photo = bytes(PHOTO);
    let mut stream = server.connect();
    let head = format!(
        "POST /v1/check HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        photo.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.terminate();
    // The request has begun; nobody new is let in.
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    stream.write_all(&photo).unwrap();
    let answer = read(&mut stream);
    assert_eq!(status(&answer), Some(200), "{answer}");
    assert_eq!(server.wait().code(), Some(0));
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_batch_holds_up_neither_a_request_nor_the_end_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("batches");
    let server = Server::start(&["--threads", "1", "--set", &format!("batches.dir={}", folder.display())]);
    let photo = bytes(PHOTO);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..300 {
        archive.start_file(format!("zhangsan-{number}.jpg"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&photo).unwrap();
    }
    let archive = archive.finish().unwrap().into_inner();
    let answer = server.send(&request("/v1/batches", "Content-Type: application/zip\r\n", &archive));
    assert_eq!(status(&answer), Some(202), "{answer}");
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().trim();
    let mut follower = server.connect();
    let follow = format!("GET {location}/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    follower.write_all(follow.as_bytes()).unwrap();

    assert_eq!(status(&server.post("/v1/check", &photo)), Some(200));
    let answer = server.get(location, "");
    assert!(answer.contains("\"state\":\"running\""), "the photo came after three hundred, and was next: {answer}");

    // Somebody who leaves in the middle of a batch.
    let mut leaves = server.connect();
    let head = "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\nContent-Length: 9999\r\n\r\nPK";
    leaves.write_all(head.as_bytes()).unwrap();
    while names(&folder).len() < 3 {
        std::thread::yield_now();
    }
    drop(leaves);
    while names(&folder).len() > 2 {
        std::thread::yield_now();
    }

    server.terminate();
    let told = read(&mut follower);
    assert!(told.contains("text/event-stream") && told.contains("event: progress"), "{told}");
    let log = server.log();
    assert_eq!(server.wait().code(), Some(0));
    assert!(!log.contains("zhangsan"), "{log}");
    assert_eq!(names(&folder), ["lock"]);
}

#[test]
fn who_does_not_end_is_cut_off() {
    let server = Server::start(&["--set", "drain_seconds=0"]);
    let mut stream = server.connect();
    stream
        .write_all(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .unwrap();
    stream.read_exact(&mut [0; 25]).unwrap();
    server.terminate();
    assert_eq!(read(&mut stream), "");
    assert_eq!(server.wait().code(), Some(0));
}

/// What a collector's address that cannot be used is answered with.
const TELEMETRY: &str = if cfg!(feature = "otel") { "http://127.0.0.1:4318" } else { "--features otel" };

#[test]
fn wrong_settings_end_the_run_with_their_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gradphoto.toml");
    std::fs::write(&file, "[work]\nthread = 1\n").unwrap();
    let foreign = dir.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("review.db"), "no database ".repeat(99)).unwrap();
    let in_the_way = format!("batches.dir={}", file.display());
    for (args, says) in [
        (vec!["--listen", "0.0.0.0:0"], "gradphoto keys add"),
        (vec!["--set", "work.thread=1"], "did you mean `work.threads`?"),
        (vec!["--set", "work.threads"], "KEY=VALUE"),
        (vec!["--config", file.to_str().unwrap()], "did you mean `work.threads`?"),
        (vec!["--keys", "no-such-keys.toml"], "no-such-keys.toml"),
        (vec!["--set", "profile=gaoka"], "gaoka"),
        (vec!["--set", "tls.certificate=c.pem"], "tls.key"),
        (vec!["--set", "cors.origins=['*']"], "https://portal.example"),
        (vec!["--set", &in_the_way], "cannot be used as the folder of batches"),
        (vec!["--review", file.to_str().unwrap()], "cannot be used as the folder of reviews"),
        (vec!["--review", foreign.to_str().unwrap()], "a database of another program"),
        (vec!["--review-what", "some"], "unknown variant `some`"),
        (vec!["--retention-days", "0"], "nonzero"),
        (vec!["--set", "review.retention_day=1"], "did you mean `review.retention_days`?"),
        (vec!["--retention-days", "7", "--review-what", "all", "--print-config"], "retention_days = 7"),
        (vec!["--set", "telemetry.endpoint=https://collector"], TELEMETRY),
        (vec!["--listen", "192.0.2.1:80", "--print-config"], "192.0.2.1:80"),
    ] {
        let out = gradphoto(&["serve"]).args(&args).output().unwrap();
        let said = [out.stdout.as_slice(), out.stderr.as_slice()].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(says), "{args:?}: {said}");
        let prints = args.contains(&"--print-config");
        assert_eq!(out.status.code(), Some(if prints { 0 } else { 2 }), "{args:?}: {said}");
    }
    let out = gradphoto(&["serve", "--print-config"]).env("GRADPHOTO_SERVE_WORK_THREAD", "1").output().unwrap();
    assert!(String::from_utf8(out.stderr).unwrap().contains("did you mean GRADPHOTO_SERVE_WORK_THREADS?"));
}

#[test]
fn what_was_answered_survives_a_kill_and_the_log_tells_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("reviews");
    let args = ["--review", folder.to_str().unwrap()];
    let mut server = Server::start(&args);
    let answer = server.post("/v1/submissions?reference=SECRET", &bytes(PHOTO));
    assert_eq!(status(&answer), Some(201), "{answer}");
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let second = gradphoto(&["serve", "--listen", "127.0.0.1:0"]).args(args).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(second.status.code() == Some(2) && said.contains("another service uses this folder"), "{said}");
    // Not asked to end: gone.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let log = server.log();
    assert!(log.contains("/v1/submissions") && !log.contains("SECRET") && !log.contains(&location), "{log}");

    let server = Server::start(&args);
    let answer = server.get(&location, "");
    assert!(answer.contains("\"reference\":\"SECRET\""), "{answer}");
    let photo = server.get(&format!("{location}/photo"), "");
    assert_eq!(status(&photo), Some(200));
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn keys_are_made_used_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.toml");
    let file = path.to_str().unwrap();
    let keys = |args: &[&str]| {
        let out = gradphoto(&["keys", "--file", file]).args(args).output().unwrap();
        (out.status.code(), String::from_utf8([out.stdout, out.stderr].concat()).unwrap())
    };
    let (code, key) = keys(&["add", "portal", "省考办"]);
    assert_eq!((code, key.trim().len()), (Some(0), 46));
    assert_eq!(keys(&["add", "portal", "省考办"]).0, Some(2));
    assert_eq!(keys(&["add", "king", "x"]).0, Some(2));
    let (_, list) = keys(&["list"]);
    assert!(list.contains("省考办") && list.contains("portal") && !list.contains(key.trim()), "{list}");

    let server = Server::start(&["--keys", file, "--set", "keys.reload_seconds=0"]);
    assert_eq!(status(&server.get("/v1/profiles", "")), Some(401));
    let with = format!("Authorization: Bearer {}\r\n", key.trim());
    assert_eq!(status(&server.get("/v1/profiles", &with)), Some(200));
    assert_eq!(status(&server.get("/metrics", &with)), Some(403));
    assert_eq!(keys(&["revoke", "省考办"]).0, Some(0));
    assert_eq!(keys(&["revoke", "省考办"]).0, Some(2));
    assert_eq!(status(&server.get("/v1/profiles", &with)), Some(401));
    let log = server.log();
    assert!(!log.contains(key.trim()) && !log.contains("省考办"), "{log}");
}

#[test]
fn tls_is_spoken_with_the_given_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
    std::fs::write(&certificate, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let [certificate, key] =
        [("certificate", certificate), ("key", key)].map(|(name, path)| format!("tls.{name}={}", path.display()));
    let server = Server::start(&["--set", &certificate, "--set", &key]);

    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut socket = server.connect();
    let mut stream = Stream::new(&mut session, &mut socket);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), Some(200), "{answer}");
    // Who speaks no TLS gets no answer in the clear.
    assert_eq!(status(&server.get("/healthz", "")), None);
}

/// A PNG of one colour: many pixels in few bytes.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::new_luma8(width, height).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A request that means no good.
fn hostile(random: &mut Random, photo: &[u8], bombs: &[Vec<u8>]) -> Vec<u8> {
    let uri = if random.below(2) == 0 { "/v1/check" } else { "/v1/normalize" };
    let jpeg = "Content-Type: image/jpeg\r\n";
    match random.below(9) {
        0 => request(uri, jpeg, &photo[..random.below(photo.len())]),
        1 => {
            let mut flipped = photo.to_vec();
            for _ in 0..=random.below(40) {
                let at = random.below(flipped.len());
                flipped[at] = random.next() as u8;
            }
            request(uri, jpeg, &flipped)
        }
        2 => {
            // A JPEG whose frame says 65535 x 65535.
            let mut giant = photo.to_vec();
            let frame = giant.windows(2).position(|pair| pair == [0xFF, 0xC0] || pair == [0xFF, 0xC2]).unwrap();
            giant[frame + 5..frame + 9].fill(0xFF);
            request(uri, jpeg, &giant)
        }
        3 => request(uri, "Content-Type: image/png\r\n", &bombs[random.below(bombs.len())]),
        4 => request(uri, "Content-Type: text/html\r\n", b"<script>"),
        5 => {
            let mut whole = request(uri, jpeg, photo);
            whole.truncate(random.below(whole.len()));
            whole
        }
        6 => {
            let form =
                [b"--e\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\n".as_slice(), photo, b"\r\n--e--"]
                    .concat();
            let cut = random.below(form.len());
            request(uri, "Content-Type: multipart/form-data; boundary=e\r\n", &form[..cut])
        }
        7 => (0..random.below(3000)).map(|_| random.next() as u8).collect(),
        _ => {
            let query = [
                "?profile=%00",
                "?lang=%ff%fe",
                "?captured-before=9999999-01-01",
                "?background=%F0%9F",
                "?%",
                "?profile=../../x",
            ];
            request(&format!("{uri}{}", query[random.below(query.len())]), jpeg, photo)
        }
    }
}

/// A few hundred here; `GRADPHOTO_HOSTILE=10000` for the figure in `docs/performance.md`.
#[test]
fn hostile_requests_do_no_harm() {
    let count: usize = std::env::var("GRADPHOTO_HOSTILE").ok().map_or(300, |count| count.parse().unwrap());
    let server = Server::start(&[
        "--set",
        "limits.header_seconds=1",
        "--set",
        "limits.body_seconds=1",
        "--set",
        "log.level='warn'",
    ]);
    let photo = bytes(PHOTO);
    let bombs = [bomb(16_000, 4_000), bomb(16_384, 16_384), bomb(3_000, 3_000)];
    let clients = 8;
    let before = server.resident();
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (server, photo, bombs) = (&server, &photo, &bombs);
            scope.spawn(move || {
                let mut random = Random(0x5EED + client as u64);
                for _ in 0..count.div_ceil(clients) {
                    let sent = hostile(&mut random, photo, bombs);
                    let mut stream = server.connect();
                    // It may have heard enough before all is sent.
                    let _ = stream.write_all(&sent);
                    let _ = stream.shutdown(Shutdown::Write);
                    let answer = read(&mut stream);
                    let status = status(&answer);
                    assert!(matches!(status, None | Some(200..500 | 503)), "{answer}");
                }
            });
        }
    });
    println!(
        "{count} hostile requests: {:?} MiB before, {:?} MiB after, {:?} MiB at most",
        before,
        server.resident(),
        server.peak()
    );
    // A connection is counted until its task ends, a moment after the client has heard all.
    let at_rest = |metrics: &String| {
        metrics.contains("gradphoto_connections 1\n") && metrics.contains("gradphoto_queue_length 0\n")
    };
    let metrics = (0..1000).map(|_| server.get("/metrics", "")).find(at_rest);
    let metrics = metrics.expect("nothing is left in the queue or connected");
    assert!(metrics.contains("gradphoto_panics_total 0\n"), "{metrics}");
    assert_eq!(status(&server.post("/v1/check", &photo)), Some(200));
    assert!(!server.log().contains("panic"), "{}", server.log());
}
