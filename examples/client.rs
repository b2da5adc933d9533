//! Asks a running service about one photo: `cargo run --release --example client -- URL PHOTO [KEY]`.
//!
//! Start one with `gradphoto serve`; its address is the first line it prints. The verdict is printed with what fails;
//! the exit code is 0 when the photo is accepted.

use std::error::Error;
use std::process::ExitCode;

use gradphoto::{Report, Verdict};
use ureq::Agent;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(photo)) = (arguments.next(), arguments.next()) else {
        return Err("usage: client URL PHOTO [KEY]".into());
    };
    let key = arguments.next();

    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.post(format!("{url}/v1/check?lang=en")).content_type("application/octet-stream");
    if let Some(key) = key {
        request = request.header("Authorization", format!("Bearer {key}"));
    }
    let mut answer = request.send(std::fs::read(photo)?)?;
    let body = answer.body_mut().read_to_string()?;
    if answer.status() != 200 {
        // A problem document (RFC 9457); 503 and 429 say in Retry-After when to try again.
        return Err(format!("{}: {body}", answer.status()).into());
    }

    let report: Report = serde_json::from_str(&body)?;
    println!("{:?}", report.verdict);
    for check in report.failing() {
        println!("  {}: {}", check.id, check.message.en);
    }
    Ok(if report.verdict == Verdict::Accept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
