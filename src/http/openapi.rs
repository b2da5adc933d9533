//! The OpenAPI 3.1 document. Paths and parameters come from the handlers (utoipa); the shapes of answers are the JSON
//! Schemas of the types themselves (schemars), the same that `docs/report.schema.json` is made of; the problems of each
//! address come from the table of problems.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi};

use super::batches::shapes::{BatchList, BatchProgress, BatchStatus};
use super::params;
use super::problem::{Code, ProblemDocument, ProblemKind};
use super::review::shapes::{AuditList, DecisionEntry, SubmissionDetails, SubmissionList};
use super::routes::verdict::HEADERS;
use super::routes::{catalog, ops, photos};
use crate::profile::Profile;
use crate::report::{Report, Row};
use crate::store::{NAME_MAX, NOTE_MAX};

/// Tag of addresses that take a photo.
pub(super) const PHOTOS: &str = "photos";
/// Tag of addresses that tell what there is.
pub(super) const CATALOG: &str = "catalog";
/// Tag of addresses that take many photos.
pub(super) const BATCHES: &str = "batches";
/// Tag of addresses of the queue for reviewers.
pub(super) const REVIEW: &str = "review";
/// Tag of addresses for whoever runs the service.
pub(super) const OPERATIONS: &str = "operations";

const ABOUT: &str = "Judges and mends certificate photos. A photo that breaks rules is answered with 200 and its \
    report; a request that cannot be answered, with application/problem+json (RFC 9457) and a stable `code`. Messages \
    come in Chinese or English, by `lang` or Accept-Language.";

/// The document for the paths of `api`.
pub(super) fn document(mut api: OpenApi) -> Value {
    api.info = InfoBuilder::new()
        .title("gradphoto")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let has = |path: &str| api.paths.paths.contains_key(path);
    let (reviews, batches) = (has("/v1/submissions"), has("/v1/batches"));
    // The document is made of texts and maps, which always serialize.
    let mut document = serde_json::to_value(&api).unwrap_or_default();
    document["openapi"] = "3.1.0".into();
    document["components"] = json!({
        "schemas": schemas(reviews, batches),
        "securitySchemes": { "key": { "type": "http", "scheme": "bearer",
            "description": "A key made with `gradphoto keys add`. On loopback none is needed unless a file of keys is set." } },
    });
    let mut tags = vec![(PHOTOS, "One photo in, its verdict out"), (CATALOG, "Profiles, checks and problems")];
    if batches {
        tags.push((BATCHES, "Many photos in, a table of results out"));
    }
    if reviews {
        tags.push((REVIEW, "Photos that are kept, and what reviewers decide about them"));
    }
    tags.push((OPERATIONS, "For whoever runs the service"));
    let tag = |(name, description): (&str, &str)| json!({ "name": name, "description": description });
    document["tags"] = tags.into_iter().map(tag).collect();
    if let Some(paths) = document["paths"].as_object_mut() {
        for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            require_body(operation);
            add_headers(operation);
            add_problems(operation);
        }
    }
    document
}

/// Every shape that is sent or taken; those of the queue for reviewers with `reviews`, those of batches with `batches`.
fn schemas(reviews: bool, batches: bool) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator =
        settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator();
    generator.subschema_for::<Report>();
    generator.subschema_for::<Profile>();
    generator.subschema_for::<photos::NormalizedAnswer>();
    generator.subschema_for::<catalog::ProfileEntry>();
    generator.subschema_for::<catalog::CheckEntry>();
    generator.subschema_for::<catalog::CheckDetails>();
    generator.subschema_for::<ops::Health>();
    generator.subschema_for::<ProblemDocument>();
    generator.subschema_for::<ProblemKind>();
    if reviews {
        generator.subschema_for::<SubmissionList>();
        generator.subschema_for::<SubmissionDetails>();
        generator.subschema_for::<DecisionEntry>();
        generator.subschema_for::<AuditList>();
    }
    if batches {
        generator.subschema_for::<BatchStatus>();
        generator.subschema_for::<BatchList>();
        generator.subschema_for::<BatchProgress>();
        generator.subschema_for::<Row>();
    }
    let mut schemas = generator.take_definitions(true);
    for (list, item) in [("ProfileList", "ProfileEntry"), ("CheckList", "CheckEntry"), ("ProblemList", "ProblemKind")] {
        let item = format!("#/components/schemas/{item}");
        schemas.insert(list.to_owned(), json!({ "type": "array", "items": { "$ref": item } }));
    }
    schemas.insert("CheckForm".to_owned(), form(json!({})));
    let background = json!({ "type": "string", "examples": ["keep", "auto", "blue"], "pattern": params::COLOR, "maxLength": params::MAX_COLOR });
    let rotate = json!({ "type": "string", "enum": ["true", "false"] });
    if batches {
        let photo = json!({ "type": "string", "contentMediaType": "application/octet-stream" });
        let photos = json!({ "type": "array", "items": photo, "minItems": 1 });
        let more = json!({ "photo": photos, "normalize": rotate, "background": background, "rotate": rotate });
        schemas.insert("BatchForm".to_owned(), form(more));
    }
    schemas.insert("NormalizeForm".to_owned(), form(json!({ "background": background, "rotate": rotate })));
    if reviews {
        let reference = json!({ "type": "string", "maxLength": NAME_MAX });
        schemas.insert("SubmissionForm".to_owned(), form(json!({ "reference": reference })));
        schemas.insert("DecisionForm".to_owned(), decision());
    }
    schemas.into()
}

/// A decision as it is asked for.
fn decision() -> Value {
    json!({
        "type": "object",
        "properties": {
            "outcome": { "type": "string", "enum": ["accept", "reject"] },
            "reasons": { "type": "array", "items": { "type": "string", "examples": ["eyes.open"] }, "description": "Ids of checks" },
            "note": { "type": "string", "maxLength": NOTE_MAX },
            "after": { "type": "integer", "minimum": 0, "maximum": u32::MAX, "description": "How many decisions the reviewer saw: `decision_count`" },
        },
        "required": ["outcome", "after"],
        "additionalProperties": false,
    })
}

/// The form in which a browser sends a photo. A parameter in it wins over the query's.
fn form(more: Value) -> Value {
    let mut properties = json!({
        "photo": { "type": "string", "contentMediaType": "application/octet-stream", "minLength": 1 },
        "profile": { "type": "string", "examples": ["zikao-graduation"] },
        "lang": { "type": "string", "enum": ["zh", "en"] },
        "captured-before": { "type": "string", "format": "date" },
    });
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    json!({ "type": "object", "properties": properties, "required": ["photo"], "additionalProperties": false })
}

/// Says of an address that takes a body that it needs one.
fn require_body(operation: &mut Value) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    body["required"] = true.into();
    let Some(content) = body["content"].as_object_mut() else { return };
    for raw in content.values_mut().filter(|kind| kind.get("schema").is_none()) {
        raw["schema"] = json!({ "type": "string", "format": "binary", "minLength": 1 });
    }
}

/// Lists the headers of an answer about a photo.
fn add_headers(operation: &mut Value) {
    let submits = operation["operationId"] == "submit";
    if operation["tags"][0] != PHOTOS && !submits {
        return;
    }
    let normalized = operation["operationId"] == "normalize";
    let named = HEADERS.iter().filter(|header| normalized || !header.normalized).map(|header| {
        // As people write it; a name is the same in small letters.
        let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
        let name = header.name.split('-').map(capital).collect::<Vec<_>>().join("-");
        (name, json!({ "description": header.about, "schema": { "type": "string" } }))
    });
    let mut named: Map<String, Value> = named.collect();
    if submits {
        named.insert(
            "Location".to_owned(),
            json!({ "description": "Where it is kept", "schema": { "type": "string" } }),
        );
    }
    operation["responses"][if submits { "201" } else { "200" }]["headers"] = Value::Object(named);
}

/// What an address that takes a photo can answer with.
const OF_PHOTOS: [Code; 10] = [
    Code::MissingPhoto,
    Code::MalformedBody,
    Code::UnknownProfile,
    Code::NotAcceptable,
    Code::SlowBody,
    Code::TooLarge,
    Code::UnsupportedType,
    Code::QueueFull,
    Code::Deadline,
    Code::ShuttingDown,
];
/// What an address that takes a decision can answer with.
const OF_DECISIONS: [Code; 7] = [
    Code::MalformedBody,
    Code::BadDecision,
    Code::AlreadyDecided,
    Code::SlowBody,
    Code::TooLarge,
    Code::UnsupportedType,
    Code::QueueFull,
];

/// What the address that takes a batch can answer with.
const OF_BATCHES: [Code; 11] = [
    Code::MissingPhoto,
    Code::MalformedBody,
    Code::UnknownProfile,
    Code::NotAcceptable,
    Code::SlowBody,
    Code::TooLarge,
    Code::UnsupportedType,
    Code::BadArchive,
    Code::BatchesFull,
    Code::StorageFailed,
    Code::ShuttingDown,
];

/// The problems an operation of `tag` can answer with.
fn codes(tag: &str, operation: &str, path_has_id: bool, protected: bool) -> Vec<Code> {
    let mut codes = Vec::new();
    if tag != OPERATIONS {
        codes.push(Code::BadParameter);
    }
    if protected {
        codes.extend([Code::Unauthorized, Code::Forbidden, Code::RateLimited]);
    }
    match (tag, path_has_id) {
        (PHOTOS, _) => codes.extend(OF_PHOTOS),
        (CATALOG, true) => codes.extend([Code::UnknownProfile, Code::UnknownCheck]),
        (REVIEW, true) => codes.extend([Code::UnknownSubmission, Code::StorageFailed]),
        (REVIEW, false) => codes.push(Code::StorageFailed),
        (BATCHES, true) => codes.push(Code::UnknownBatch),
        _ => {}
    }
    match operation {
        "normalize" => codes.push(Code::CannotNormalize),
        "submit" => {
            codes.extend(OF_PHOTOS);
            codes.push(Code::KeyReused);
        }
        "decide" => codes.extend(OF_DECISIONS),
        "photo" | "drawing" => codes.push(Code::QueueFull),
        "create_batch" => codes.extend(OF_BATCHES),
        "delete_batch" => codes.push(Code::StorageFailed),
        "batch_results" => {
            codes.extend([Code::BatchRunning, Code::BatchFailed, Code::NotAcceptable, Code::StorageFailed]);
        }
        "batch_photos" => codes.extend([Code::NotFound, Code::BatchRunning, Code::BatchFailed, Code::StorageFailed]),
        "readyz" => codes.push(Code::ShuttingDown),
        _ => {}
    }
    codes.push(Code::Internal);
    codes
}

fn add_problems(operation: &mut Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (tag, id) = (text(&operation["tags"][0]), text(&operation["operationId"]));
    let protected = operation.get("security").is_some();
    let has_id =
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "path"));
    let codes = codes(&tag, &id, has_id, protected);
    for code in codes {
        let line = format!("`{}`: {}", code.id(), code.title().en);
        let entry = &mut operation["responses"][code.status().as_str()];
        match entry["description"].as_str() {
            Some(before) => entry["description"] = format!("{before}; {line}").into(),
            None => {
                *entry = json!({
                    "description": line,
                    "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/ProblemDocument" } } },
                });
            }
        }
        let header = |text: &str, kind: &str| json!({ "description": text, "schema": { "type": kind } });
        match code {
            Code::RateLimited | Code::QueueFull | Code::BatchesFull | Code::Deadline | Code::ShuttingDown => {
                entry["headers"]["Retry-After"] = header("Seconds after which to try again", "integer");
            }
            Code::Unauthorized => entry["headers"]["WWW-Authenticate"] = header("How to authenticate", "string"),
            _ => {}
        }
    }
}
