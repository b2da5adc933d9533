//! Spans of a real service, taken by a collector that only listens.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
#![cfg(all(feature = "otel", unix))]

#[path = "common/server.rs"]
mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use server::{PATIENCE, PHOTO, Server, bytes, request, status};

/// A collector: its address, and the heads and bodies of what it is sent.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            // An empty ExportTraceServiceResponse has no bytes.
            let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            if send.send((head, body)).is_err() {
                return;
            }
        }
    });
    (address, receive)
}

/// A field of bytes in protobuf. Lengths are below 128 here.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, value.len() as u8], value].concat()
}

/// A `KeyValue` with a text (common.proto of OTLP).
fn text(key: &str, value: &str) -> Vec<u8> {
    let pair = [field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat();
    field(9, &pair)
}

/// A `KeyValue` with a number below 16384.
fn number(key: &str, value: u16) -> Vec<u8> {
    let varint = [3 << 3, value as u8 | 0x80, (value >> 7) as u8];
    field(9, &[field(1, key.as_bytes()), field(2, &varint)].concat())
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn spans_reach_the_collector_and_tell_nothing_personal() {
    let (address, sent) = collector();
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys.toml");
    let keys = keys.to_str().unwrap();
    let out = server::gradphoto(&["keys", "--file", keys, "add", "portal", "wangwu"]).output().unwrap();
    let key = String::from_utf8(out.stdout).unwrap();
    let server = Server::start(&["--keys", keys, "--set", &format!("telemetry.endpoint={address}")]);
    let form = [
        b"--e\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"zhangsan.jpg\"\r\n\r\n".to_vec(),
        bytes(PHOTO),
        b"\r\n--e--\r\n".to_vec(),
    ]
    .concat();
    let headers = format!(
        "Content-Type: multipart/form-data; boundary=e\r\nAuthorization: Bearer {}\r\nX-Request-Id: lisi\r\n\
         traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=zhaoliu\r\n",
        key.trim()
    );
    assert_eq!(status(&server.send(&request("/v1/check?lang=en", &headers, &form))), Some(200));
    assert_eq!(
        status(&server.send(b"SUNQI /nowhere/zhouba HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")),
        Some(404)
    );
    // What is left is sent at the end.
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));

    let mut all = Vec::new();
    let first = sent.recv_timeout(PATIENCE).unwrap();
    for (head, body) in std::iter::once(first).chain(sent.try_iter()) {
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf"), "{head}");
        all.extend(body);
    }
    for (what, part) in [
        ("name", field(5, b"POST /v1/check")),
        (
            "trace",
            field(1, &[0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36]),
        ),
        ("parent", field(4, &[0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7])),
        ("method", text("http.request.method", "POST")),
        ("route", text("http.route", "/v1/check")),
        ("status", number("http.response.status_code", 200)),
        ("waiting", field(5, b"wait")),
        ("working", field(5, b"work")),
        ("other method", text("http.request.method", "_OTHER")),
        ("other route", text("http.route", "unmatched")),
        ("other status", number("http.response.status_code", 404)),
        ("problem", text("error.type", "not-found")),
        ("service", field(2, &field(1, b"gradphoto"))),
    ] {
        assert!(holds(&all, &part), "no {what} in {}", String::from_utf8_lossy(&all));
    }
    let personal = ["zhangsan", "lisi", "wangwu", "zhaoliu", "SUNQI", "zhouba", key.trim(), "127.0.0.1"];
    for word in personal {
        assert!(!holds(&all, word.as_bytes()), "{word} in {}", String::from_utf8_lossy(&all));
    }
}

#[test]
fn a_collector_that_is_away_costs_nothing() {
    // A port nobody listens on any more.
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let server = Server::start(&["--set", &format!("telemetry.endpoint={address}")]);
    for _ in 0..20 {
        assert_eq!(status(&server.get("/healthz", "")), Some(200));
    }
    assert_eq!(status(&server.post("/v1/check", &bytes(PHOTO))), Some(200));
    server.terminate();
    let deadline = std::time::Instant::now() + PATIENCE;
    let said = loop {
        let said = server.log();
        if said.contains("the collector takes no spans") || std::time::Instant::now() > deadline {
            break said;
        }
        std::thread::yield_now();
    };
    assert_eq!(said.matches("the collector takes no spans").count(), 1, "{said}");
    assert_eq!(server.wait().code(), Some(0));
}
