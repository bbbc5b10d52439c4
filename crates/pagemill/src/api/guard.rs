//! What every request passes: numbering, who may ask, and the headers of every answer.

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use pagemill_core::{ErrorCode, Problem, panic_text};

use super::problem::{self, ApiError};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Nothing is loaded from elsewhere, nothing inline runs, nobody frames the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const EVERY_ANSWER: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The outermost layer: numbers the request, survives a panic, gives errors
/// their body and every answer its headers.
pub(super) async fn finish_answer(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| {
        let what = panic_text(panic.as_ref());
        ApiError(Problem::new(ErrorCode::Internal, format!("a handler panicked: {what}"))).into_response()
    });
    let mut answer = problem::finish(answer, &id);
    let headers = answer.headers_mut();
    for (name, value) in EVERY_ANSWER {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

/// Refuses what a web page of someone else could send through the user's browser:
/// another host name that was made to point here, or another origin that writes or opens a WebSocket, which no
/// browser keeps it from.
pub(super) async fn same_site_only(request: Request, next: Next) -> Result<Response, ApiError> {
    let host = host_of(&request).ok_or_else(|| forbidden("the request names no host"))?;
    if !is_loopback(host) {
        return Err(forbidden("the host name of the request is not this machine; use http://localhost"));
    }
    if (changes_something(request.method()) || request.headers().contains_key(header::UPGRADE))
        && let Some(origin) = request.headers().get(header::ORIGIN)
        && origin
            .to_str()
            .ok()
            .and_then(authority_of_origin)
            .is_none_or(|authority| !authority.eq_ignore_ascii_case(host))
    {
        return Err(forbidden("the request comes from a web page of another origin"));
    }
    Ok(next.run(request).await)
}

fn forbidden(message: &str) -> ApiError {
    ApiError::new(ErrorCode::Forbidden, message)
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The host and port that the request was sent to, as its sender spelled them.
fn host_of(request: &Request) -> Option<&str> {
    let mut named = request.headers().get_all(header::HOST).iter();
    match (named.next(), named.next(), request.uri().authority()) {
        (Some(host), None, _) => host.to_str().ok(),
        (None, None, Some(authority)) => Some(authority.as_str()),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned()) {
        Some(authority) if authority.as_str() == host && !host.contains('@') => authority.host().to_owned(),
        _ => return false,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The `host:port` of an `Origin`; `null` and other schemes have none.
fn authority_of_origin(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://")
}

/// The caller's number of the request if it is one fit for logs, else one of our own.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    match given {
        Some(id) if is_plain_id(id) => id.to_owned(),
        _ => next_request_id(),
    }
}

fn is_plain_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn next_request_id() -> String {
    static STARTED: LazyLock<u64> =
        LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64));
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("req_{:x}_{:x}", *STARTED, COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:7700", "127.8.9.1", "[::1]:7700", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "127.0.0.1.example.com",
            "10.0.0.1:80",
            "localhost@evil.example",
            "0.0.0.0",
            "a b",
            "/",
            "[::1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
