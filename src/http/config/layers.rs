//! Where settings come from, and the commented file they are written back to.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize as _;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::Config;
use crate::profile::closest;

/// What environment variables begin with: `GRADPHOTO_SERVE_WORK_THREADS` is `work.threads`.
pub const ENV_PREFIX: &str = "GRADPHOTO_SERVE_";
/// Largest configuration file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Why a configuration was refused. Displays as `place: problem`.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    /// The file, variable or flag.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

/// Settings collected layer by layer.
#[derive(Debug, Default)]
pub struct Layers {
    merged: Table,
}

impl Layers {
    /// Adds a file.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, has an unknown key or a value of the wrong type.
    pub fn file(mut self, path: &Path) -> Result<Self, ConfigError> {
        let place = path.display().to_string();
        let refuse = |problem: String| ConfigError { place: place.clone(), problem };
        let length = fs::metadata(path).map_err(|error| refuse(format!("cannot be read: {error}")))?.len();
        if length > FILE_MAX {
            return Err(refuse(format!("larger than {FILE_MAX} bytes, so it is no configuration")));
        }
        let text = fs::read_to_string(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
        let table: Table = toml::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        known(&table, &schema(), "").map_err(&refuse)?;
        // Read once from the text, for an error that names the line.
        toml::from_str::<Config>(&text).map_err(|error| refuse(error.to_string()))?;
        merge(&mut self.merged, table);
        Ok(self)
    }

    /// Adds the variables that begin with [`ENV_PREFIX`].
    ///
    /// # Errors
    /// When one of them names nothing, or its value has the wrong type.
    pub fn env(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let paths = paths();
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
            let as_variable = |path: &String| path.replace('.', "_").to_uppercase();
            let Some(path) = paths.iter().find(|path| as_variable(path) == rest) else {
                let all: Vec<String> = paths.iter().map(as_variable).collect();
                let near = closest(&rest.to_lowercase(), paths.iter().map(String::as_str))
                    .map(|path| path.replace('.', "_").to_uppercase())
                    .or_else(|| all.into_iter().find(|known| strsim::jaro(known, rest) > 0.8));
                let hint = near.map_or_else(String::new, |near| format!(" (did you mean {ENV_PREFIX}{near}?)"));
                return Err(ConfigError { place: name, problem: format!("no setting has this name{hint}") });
            };
            self = self.set(&name, path, &value)?;
        }
        Ok(self)
    }

    /// Adds one setting. `place` is where it was written; `key` is like `work.threads`; `value` is TOML, or text as
    /// it stands.
    ///
    /// # Errors
    /// When there is no such key, or the value has the wrong type.
    pub fn set(mut self, place: &str, key: &str, value: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: String| ConfigError { place: place.to_owned(), problem };
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut table| {
            // Text with line breaks could hold further keys.
            (table.len() == 1).then(|| table.remove("value")).flatten()
        });
        let mut value = parsed.unwrap_or_else(|| Value::String(value.to_owned()));
        for part in key.rsplit('.') {
            value = Value::Table(Table::from_iter([(part.to_owned(), value)]));
        }
        let Value::Table(table) = value else { return Err(refuse("an empty key".to_owned())) };
        known(&table, &schema(), "").map_err(refuse)?;
        Config::deserialize(table.clone()).map_err(|error| refuse(error.message().to_owned()))?;
        merge(&mut self.merged, table);
        Ok(self)
    }

    /// The configuration.
    ///
    /// # Errors
    /// When settings that are fine alone do not fit together.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let refuse = |problem: &str| ConfigError { place: "configuration".to_owned(), problem: problem.to_owned() };
        let config = Config::deserialize(self.merged).map_err(|error| refuse(error.message()))?;
        if config.tls.certificate.is_some() != config.tls.key.is_some() {
            return Err(refuse("tls.certificate and tls.key are set together or not at all"));
        }
        if config.limits.buffered_bytes < config.limits.body_bytes {
            return Err(refuse("limits.buffered_bytes is below limits.body_bytes, so that a body could never arrive"));
        }
        if config.limits.header_bytes < 8192 {
            return Err(refuse("limits.header_bytes is below 8192"));
        }
        Ok(config)
    }
}

impl Config {
    /// The configuration as a commented file that [`Layers::file`] reads back.
    pub fn print(&self) -> String {
        let mut out = String::new();
        // A struct of numbers, texts and tables always serializes.
        let table = Table::try_from(self).unwrap_or_default();
        print(&table, &schema(), "", &mut out);
        out
    }
}

fn print(table: &Table, schema: &Json, section: &str, out: &mut String) {
    let (sections, settings): (Vec<_>, Vec<_>) =
        properties(schema).into_iter().partition(|(_, schema)| schema.get("properties").is_some());
    for (key, property) in settings {
        comment(property, out);
        let line = match table.get(key) {
            Some(value) => format!("{key} = {value}\n"),
            None => format!("# {key} = \"\"\n"),
        };
        out.push_str(&line);
    }
    for (key, property) in sections {
        out.push('\n');
        comment(property, out);
        let _ = writeln!(out, "[{section}{key}]");
        if let Some(Value::Table(inner)) = table.get(key) {
            print(inner, property, &format!("{section}{key}."), out);
        }
    }
}

fn comment(property: &Json, out: &mut String) {
    if let Some(text) = property.get("description").and_then(Json::as_str) {
        let _ = writeln!(out, "# {}", text.replace('\n', "\n# "));
    }
}

/// The JSON Schema of [`Config`] without references.
fn schema() -> Json {
    let settings =
        schemars::generate::SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Config>().to_value()
}

fn properties(schema: &Json) -> Vec<(&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).map(|all| all.iter().collect()).unwrap_or_default()
}

/// Every setting, like `work.threads`.
fn paths() -> Vec<String> {
    fn walk(schema: &Json, prefix: &str, out: &mut Vec<String>) {
        for (key, property) in properties(schema) {
            let path = format!("{prefix}{key}");
            if property.get("properties").is_some() {
                walk(property, &format!("{path}."), out);
            } else {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(&schema(), "", &mut out);
    out
}

/// Refuses keys that do not exist, with the nearest that does.
fn known(table: &Table, schema: &Json, prefix: &str) -> Result<(), String> {
    let properties = properties(schema);
    for (key, value) in table {
        match properties.iter().find(|(known, _)| *known == key) {
            None => {
                let near = closest(key, properties.iter().map(|(known, _)| known.as_str()));
                let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{prefix}{near}`?)"));
                return Err(format!("unknown key `{prefix}{key}`{hint}"));
            }
            Some((_, property)) => {
                if let Value::Table(inner) = value {
                    known(inner, property, &format!("{prefix}{key}."))?;
                }
            }
        }
    }
    Ok(())
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::HttpLimits;
    use super::*;

    fn file(text: &str) -> Result<Layers, ConfigError> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("gradphoto.toml");
        fs::write(&path, text).expect("writes");
        Layers::default().file(&path)
    }

    fn env(name: &str, value: &str) -> [(String, String); 1] {
        [(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn each_layer_wins_over_the_one_before() {
        let layers = file("listen = '127.0.0.1:1'\n[work]\nthreads = 1\nqueue = 5").expect("reads");
        let layers = layers.env(env("GRADPHOTO_SERVE_WORK_THREADS", "2")).expect("reads");
        let config = layers.set("--listen", "listen", "[::1]:3").expect("sets").finish().expect("fits");
        assert_eq!((config.work.threads, config.work.queue, config.listen.port()), (2, 5, 3));
        assert_eq!(config.limits, HttpLimits::default());
    }

    #[test]
    fn slips_are_refused_with_what_was_meant() {
        for (error, place, says) in [
            (file("lisen = '1'"), "gradphoto.toml", "did you mean `listen`?"),
            (file("[work]\nthread = 1"), "gradphoto.toml", "did you mean `work.threads`?"),
            (file("[work]\nthreads = 'two'"), "gradphoto.toml", "line 2"),
            (
                Layers::default().env(env("GRADPHOTO_SERVE_WORK_THREAD", "1")),
                "WORK_THREAD",
                "did you mean GRADPHOTO_SERVE_WORK_THREADS?",
            ),
            (Layers::default().env(env("GRADPHOTO_SERVE_WORK_THREADS", "x")), "WORK_THREADS", "invalid type"),
            (Layers::default().set("--set", "log.level", "loud"), "--set", "unknown variant `loud`"),
            (Layers::default().set("--set", "work.deadline_seconds", "0"), "--set", "nonzero"),
        ] {
            let error = error.expect_err("refused");
            assert!(error.place.contains(place) && error.problem.contains(says), "{error}");
        }
    }

    #[test]
    fn settings_have_to_fit_together() {
        for (key, value) in [("tls.key", "k.pem"), ("limits.buffered_bytes", "1"), ("limits.header_bytes", "100")] {
            assert!(Layers::default().set("--set", key, value).expect("alone").finish().is_err(), "{key}");
        }
    }

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let config = Layers::default().set("x", "profiles", "['a.toml']").expect("sets").finish().expect("fits");
        let text = config.print();
        assert_eq!(file(&text).expect("reads").finish().expect("fits"), config);
        for path in paths() {
            let key = path.rsplit('.').next().expect("a part");
            assert!(text.lines().any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} ="))), "{path}");
        }
    }

    #[test]
    fn other_variables_are_none_of_ours() {
        let config = Layers::default().env(env("GRADPHOTO_BLESS", "1")).expect("reads").finish().expect("fits");
        assert_eq!(config, Config::default());
    }
}
