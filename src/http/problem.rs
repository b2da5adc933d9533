//! Why a request could not be answered: RFC 9457 problem documents, with every code in one table.
//!
//! A handler returns a [`Problem`]. It becomes a body only in [`observe`](super::observe), which knows the language and
//! the id of the request.

use axum::http::header::{CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::units::{Lang, Text};

macro_rules! problems {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $status:ident, $zh:literal, $en:literal;)+) => {
        /// What kind of problem; its id never changes meaning once released.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// All of them, in the order of the table.
            pub const ALL: &[Code] = &[$(Code::$name),+];

            /// Stable id, as in the member `code`.
            pub const fn id(self) -> &'static str {
                match self { $(Code::$name => $id),+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$name => StatusCode::$status),+ }
            }

            /// What it means in general.
            pub fn title(self) -> Text {
                match self { $(Code::$name => Text::new($zh, $en)),+ }
            }
        }
    };
}

problems! {
    /// A query parameter or form field that does not exist, is given twice, or has a value that is not one of its values.
    BadParameter = "bad-parameter", BAD_REQUEST, "参数错误", "a parameter is wrong";
    /// No bytes came.
    MissingPhoto = "missing-photo", BAD_REQUEST, "请求中没有照片", "the request holds no photo";
    /// The body is not what its headers promise, or broke off.
    MalformedBody = "malformed-body", BAD_REQUEST, "请求体格式错误或不完整", "the body is malformed or incomplete";
    /// Keys are in use and the request has none that is valid.
    Unauthorized = "unauthorized", UNAUTHORIZED, "缺少有效的密钥", "a valid key is needed";
    /// The key's role does not include this.
    Forbidden = "forbidden", FORBIDDEN, "该密钥的角色无权执行此操作", "the role of this key does not include this";
    /// Nothing is at this address.
    NotFound = "not-found", NOT_FOUND, "地址不存在", "nothing is at this address";
    /// No such profile.
    UnknownProfile = "unknown-profile", NOT_FOUND, "没有这个标准", "there is no such profile";
    /// No such check.
    UnknownCheck = "unknown-check", NOT_FOUND, "没有这个检查项", "there is no such check";
    /// No such submission, or not for this key to see.
    UnknownSubmission = "unknown-submission", NOT_FOUND, "没有这份提交", "there is no such submission";
    /// No such batch, or not for this key to see.
    UnknownBatch = "unknown-batch", NOT_FOUND, "没有这个批次", "there is no such batch";
    /// A decision that cannot be kept: a reason that is no check, a note that is too long, a rejection without a reason.
    BadDecision = "bad-decision", BAD_REQUEST, "决定无效", "the decision cannot be kept";
    /// Another reviewer decided since this one looked.
    AlreadyDecided = "already-decided", CONFLICT, "其他审核人员已先作决定", "another reviewer was first";
    /// The results of a batch are asked for before they are whole.
    BatchRunning = "batch-running", CONFLICT, "批次尚未完成", "the batch is not done yet";
    /// The results of a batch are asked for that came to no end.
    BatchFailed = "batch-failed", CONFLICT, "批次未能完成，请重新发送", "the batch came to no end; send it again";
    /// The address exists, for another method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "此地址不支持该请求方法", "this address does not take this method";
    /// Nothing that can be sent matches the Accept header.
    NotAcceptable = "not-acceptable", NOT_ACCEPTABLE, "无法以所要求的格式应答", "no form of the answer matches the Accept header";
    /// The body did not arrive in time.
    SlowBody = "slow-body", REQUEST_TIMEOUT, "请求体上传超时", "the body did not arrive in time";
    /// The body is larger than allowed.
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "请求体过大", "the body is too large";
    /// A Content-Type or Content-Encoding that is not taken.
    UnsupportedType = "unsupported-type", UNSUPPORTED_MEDIA_TYPE, "不支持的内容类型", "this content type is not taken";
    /// No compliant photo can be made; `reason` says why.
    CannotNormalize = "cannot-normalize", UNPROCESSABLE_ENTITY, "无法制作合格照片", "no compliant photo can be made";
    /// The Idempotency-Key of a request was sent with another request before.
    KeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "该 Idempotency-Key 已用于另一请求", "this Idempotency-Key was sent with another request";
    /// A ZIP archive that cannot be opened or holds more than is taken.
    BadArchive = "bad-archive", UNPROCESSABLE_ENTITY, "无法打开 ZIP 压缩包", "the ZIP archive cannot be opened";
    /// The key sends more than its rate.
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, "请求过于频繁", "too many requests with this key";
    /// The program failed; the request may be fine.
    Internal = "internal", INTERNAL_SERVER_ERROR, "服务内部错误", "the service failed";
    /// The disk or the database failed; nothing was kept.
    StorageFailed = "storage-failed", INTERNAL_SERVER_ERROR, "无法保存或读取，请联系管理员", "what is kept cannot be read or written; tell whoever runs the service";
    /// All places are taken.
    QueueFull = "queue-full", SERVICE_UNAVAILABLE, "服务繁忙，请稍后重试", "the service is busy, try again";
    /// As many batches are kept as may be.
    BatchesFull = "batches-full", SERVICE_UNAVAILABLE, "批次数量已满，请删除已完成的批次或稍后重试", "as many batches are kept as may be; delete one that is done, or wait";
    /// The request waited or worked too long.
    Deadline = "deadline", SERVICE_UNAVAILABLE, "处理超时，请稍后重试", "the deadline passed, try again";
    /// The service is ending.
    ShuttingDown = "shutting-down", SERVICE_UNAVAILABLE, "服务正在停止", "the service is shutting down";
}

/// A problem with its particulars.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Text,
    reason: Option<&'static str>,
    retry_after: Option<u64>,
    lang: Option<Lang>,
}

impl Problem {
    /// A problem, with what happened here and what to do.
    pub fn new(code: Code, detail: Text) -> Self {
        let retry_after = (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        Self { code, detail, reason: None, retry_after, lang: None }
    }

    /// A problem about which the title says everything.
    pub fn plain(code: Code) -> Self {
        Self::new(code, code.title())
    }

    /// Adds the reason a photo cannot be normalized.
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Says after how many seconds to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Says it in `lang`, where a form named a language that the head of the request does not.
    pub fn spoken(mut self, lang: Option<Lang>) -> Self {
        self.lang = self.lang.or(lang);
        self
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Adds the body, in `lang`, to the response this problem became; what other layers added to the head stays.
    pub(super) fn render(&self, response: &mut Response, lang: Lang, request_id: &str) {
        let lang = self.lang.unwrap_or(lang);
        let document = ProblemDocument {
            r#type: format!("/v1/problems#{}", self.code.id()),
            title: self.code.title().get(lang).to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.get(lang).to_owned(),
            code: self.code.id().to_owned(),
            reason: self.reason.map(str::to_owned),
            request_id: request_id.to_owned(),
        };
        // Strings and a number always serialize.
        *response.body_mut() = serde_json::to_vec(&document).unwrap_or_default().into();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(tag(lang)));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gradphoto\""));
        }
    }
}

/// The language tag of HTTP.
pub(super) const fn tag(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => "zh",
        Lang::En => "en",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A problem as it is sent (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemDocument {
    /// Where the kind of problem is described.
    pub r#type: String,
    /// What the kind of problem means in general.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// Stable id of the kind of problem.
    pub code: String,
    /// Why a photo cannot be normalized: a stable id, only with the code `cannot-normalize`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub reason: Option<String>,
    /// Id of the request, also in the header `X-Request-Id` and in the log.
    pub request_id: String,
}

/// A row of the table of problems.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemKind {
    /// Stable id.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub title: Text,
}

impl From<Code> for ProblemKind {
    fn from(code: Code) -> Self {
        Self { code: code.id().to_owned(), status: code.status().as_u16(), title: code.title() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_texts_are_there() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL[..at].iter().all(|other| other.id() != code.id()), "{}", code.id());
            assert!(code.id().chars().all(|c| c.is_ascii_lowercase() || c == '-'));
            let title = code.title();
            assert!(!title.zh.is_ascii() && title.en.is_ascii() && !title.en.is_empty(), "{title:?}");
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }

    #[test]
    fn who_may_try_again_is_told_when() {
        let mut response = Problem::plain(Code::QueueFull).into_response();
        Problem::plain(Code::QueueFull).render(&mut response, Lang::En, "r");
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        Problem::plain(Code::RateLimited).retry_after(0).render(&mut response, Lang::Zh, "r");
        assert_eq!(
            (&response.headers()[RETRY_AFTER], &response.headers()[CONTENT_LANGUAGE]),
            (&"1".parse().unwrap(), &"zh".parse().unwrap())
        );
    }
}
