//! A browser without a window, driven over WebDriver (W3C), where one is installed.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How long a page may take for anything before a test calls it hung. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at a page.
const LOOK: Duration = Duration::from_millis(30);
/// Longest answer of the driver, in bytes: a screenshot in Base64.
const ANSWER_MAX: u64 = 64 << 20;
/// How an element is called in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one page; ended when dropped.
pub struct Browser {
    driver: Child,
    _said: BufReader<ChildStdout>,
    agent: ureq::Agent,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A browser that asks for Chinese. `None` where Chromium or its driver are not installed, with a line that says so.
    pub fn start() -> Option<Self> {
        for program in ["chromium", "chromedriver"] {
            let there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !there.is_ok_and(|status| status.success()) {
                println!("skipped: there is no {program}");
                return None;
            }
        }
        let mut command = Command::new("chromedriver");
        let mut driver = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "the driver ended without a port");
            let port = line.split_once("successfully on port ").map(|(_, rest)| rest.trim().trim_end_matches('.'));
            if let Some(port) = port {
                break port.parse::<u16>().unwrap();
            }
        };
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent = ureq::Agent::new_with_config(config.build());
        let profile = tempfile::tempdir().unwrap();
        let mut browser =
            Self { driver, _said: said, agent, session: format!("http://127.0.0.1:{port}/session"), _profile: profile };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--accept-lang=zh-CN",
            "--window-size=1200,1600",
            &folder,
        ];
        let made = browser.call(
            "POST",
            "",
            &json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                "goog:loggingPrefs": { "browser": "ALL" },
                "goog:chromeOptions": { "args": arguments },
            }}}),
        );
        let id = made["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        Some(browser)
    }

    /// Asks the driver; its problems end the test.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let answer = match method {
            "POST" => self.agent.post(&url).header("Content-Type", "application/json").send(body.to_string()),
            "DELETE" => self.agent.delete(&url).call(),
            _ => self.agent.get(&url).call(),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        let value = answer["value"].take();
        assert!(value.get("error").is_none(), "{method} {path}: {value:#}");
        value
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    /// What the body of a function gives in the page.
    pub fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The same, until it is neither null, false, 0 nor empty.
    pub fn until(&self, script: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.run(script);
            let nothing = [Value::Null, false.into(), 0.into(), "".into()].contains(&value);
            if !nothing {
                return value;
            }
            assert!(
                Instant::now() < deadline,
                "never came true: {script}\n{}",
                self.run("return document.body.innerText")
            );
            std::thread::sleep(LOOK);
        }
    }

    fn find(&self, selector: &str) -> String {
        let found = self.call("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Clicks on the element, as a mouse does.
    pub fn click(&self, selector: &str) {
        let id = self.find(selector);
        self.call("POST", &format!("/element/{id}/click"), &json!({}));
    }

    /// Types into the element; chooses a file in an input for files.
    pub fn type_into(&self, selector: &str, text: &str) {
        let id = self.find(selector);
        self.call("POST", &format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Moves the mouse to the middle of the element.
    pub fn point_at(&self, selector: &str) {
        let origin = json!({ ELEMENT: self.find(selector) });
        let step = json!({ "type": "pointerMove", "duration": 0, "x": 0, "y": 0, "origin": origin });
        self.call(
            "POST",
            "/actions",
            &json!({ "actions": [
                { "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": [step] },
            ]}),
        );
    }

    /// Shows the page as on paper, or on a screen again.
    pub fn on_paper(&self, paper: bool) {
        let media = if paper { "print" } else { "" };
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "media": media } });
        self.call("POST", "/goog/cdp/execute", &body);
    }

    /// Shows the page as somebody sees it who likes dark screens, or light ones again.
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.call("POST", "/goog/cdp/execute", &body);
    }

    /// What the console says since it was last asked: errors and warnings.
    pub fn complaints(&self) -> Vec<String> {
        let lines = self.call("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().unwrap().iter();
        let bad = lines.filter(|line| line["level"] == "SEVERE" || line["level"] == "WARNING");
        bad.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Puts a picture of what is seen into the folder named by `GRADPHOTO_SCREENSHOTS`, when that is set.
    pub fn shot(&self, name: &str) {
        let Some(folder) = std::env::var_os("GRADPHOTO_SCREENSHOTS") else { return };
        let picture = self.call("GET", "/screenshot", &Value::Null);
        let picture = STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session first: the browser is a child of the driver, and would stay behind.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
