//! Whose request it is, and whether their key includes it.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, HeaderName};
use axum::middleware::Next;
use axum::response::Response;

use super::keys::{Identity, Permission, Role};
use super::problem::{Code, Problem};
use super::state::AppState;
use crate::units::Text;

/// What stands before a group of addresses.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The state, for its keys.
    pub state: AppState,
    /// What is needed to pass.
    pub permission: Permission,
}

/// Lets a request pass when no keys are in use, or its key includes the permission and has not used up its rate.
///
/// # Errors
/// 401 without a valid key, 403 with one of another role, 429 above its rate.
pub async fn authorize(State(guard): State<Guard>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let Some(keys) = &guard.state.keys else {
        request.extensions_mut().insert(local());
        return Ok(next.run(request).await);
    };
    let key = bearer(request.headers()).and_then(|key| keys.identify(key));
    let Some(identity) = key else {
        let text = Text::new(
            "请在请求头中提供 Authorization: Bearer 密钥；密钥由 gradphoto keys add 创建",
            "send the header Authorization: Bearer KEY; keys are made with `gradphoto keys add`",
        );
        return Err(Problem::new(Code::Unauthorized, text));
    };
    if !identity.role.may(guard.permission) {
        let role = identity.role.name();
        let text =
            Text::new(format!("密钥角色为 {role}，不含此操作"), format!("the role `{role}` does not include this"));
        return Err(Problem::new(Code::Forbidden, text));
    }
    if let Err(wait) = guard.state.rates.take(&identity.name) {
        let seconds = wait.as_secs() + 1;
        let text = Text::new(
            format!("该密钥的请求超过限额，请 {seconds} 秒后重试"),
            format!("this key sends more than its rate allows; try again in {seconds} s"),
        );
        return Err(Problem::new(Code::RateLimited, text).retry_after(seconds));
    }
    let role = identity.role;
    request.extensions_mut().insert(identity);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(role);
    Ok(response)
}

/// Whoever asks where no keys are in use: somebody at this machine.
fn local() -> Identity {
    Identity { name: "local".to_owned(), role: Role::Admin }
}

/// What a browser says of the page that asks (Fetch Metadata).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where no keys are in use, keeps pages of others out of what is kept, submissions and batches: a browser on this machine would let them send to
/// loopback, and read from it under a name of theirs that leads there.
///
/// # Errors
/// 403 for a request that a page of another site makes, or whose `Host` is no address and not `localhost`.
pub async fn own_pages(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, Problem> {
    if state.keys.is_none() && is_foreign(request.headers()) {
        let text = Text::new(
            "没有设置密钥时，只接受本机页面的请求；请用 --keys 设置密钥",
            "without keys only pages of this service itself may ask, by address or as localhost; set keys with --keys",
        );
        return Err(Problem::new(Code::Forbidden, text));
    }
    Ok(next.run(request).await)
}

fn is_foreign(headers: &HeaderMap) -> bool {
    let of = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    matches!(of(&SITE), Some("cross-site" | "same-site")) || of(&HOST).is_some_and(|host| !is_here(host))
}

/// Whether a `Host` is an address or `localhost`, with or without a port.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

/// The key of a request; the scheme's name is written in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_not_here() {
        for (host, here) in [
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("evil.example:8080", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_here(host), here, "{host}");
        }
    }
}
