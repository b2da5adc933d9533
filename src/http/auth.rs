//! Whose request it is, and whether their key includes it.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;

use super::keys::Permission;
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
pub async fn authorize(State(guard): State<Guard>, request: Request, next: Next) -> Result<Response, Problem> {
    let Some(keys) = &guard.state.keys else { return Ok(next.run(request).await) };
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
    let mut response = next.run(request).await;
    response.extensions_mut().insert(identity.role);
    Ok(response)
}

/// The key of a request; the scheme's name is written in any case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
