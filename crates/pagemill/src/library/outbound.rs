//! Requests to addresses that users give: none reaches a private network unless the settings allow it.
//!
//! A name is resolved once and the connection goes to an address that was looked at, so that a name which changes its
//! mind in between (rebinding) gains nothing. Redirects are not followed, proxies of the environment not used.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use pagemill_core::{ErrorCode, Problem};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderValue,
    redirect::Policy,
};

/// How much of an answer is read, so that its connection can be used again.
const ANSWER_BYTES: usize = 16 * 1024;
/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The address is not one that may be asked.
    #[error("{0}")]
    Address(String),
    /// It took too long.
    #[error("the receiver did not answer in time")]
    Timeout,
    /// There was no connection, or it broke.
    #[error("no connection to the receiver: {0}")]
    Connection(String),
}

/// Sends requests to addresses that users give.
pub(crate) struct Outbound {
    client: Client,
    allow_private: bool,
}

impl Outbound {
    /// # Errors
    /// When the machine has no certificates to trust.
    pub(crate) fn new(allow_private: bool, time: Duration) -> Result<Self, Problem> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIME.min(time))
            .timeout(time)
            .pool_max_idle_per_host(4)
            .dns_resolver(Arc::new(Guard { allow_private }))
            .build()
            .map_err(|error| {
                Problem::new(ErrorCode::Internal, "requests to other machines cannot be made").caused_by(error)
            })?;
        Ok(Self { client, allow_private })
    }

    /// Posts a body and gives the status of the answer.
    pub(crate) async fn post<const N: usize>(
        &self,
        url: &str,
        headers: [(&'static str, HeaderValue); N],
        body: Vec<u8>,
    ) -> Result<u16, Refused> {
        let url = checked_url(url, self.allow_private).map_err(|problem| Refused::Address(problem.message))?;
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(|error| refused(&error))?;
        let status = answer.status().as_u16();
        let mut taken = 0;
        let mut pieces = answer.bytes_stream();
        while taken < ANSWER_BYTES
            && let Some(Ok(piece)) = pieces.next().await
        {
            taken += piece.len();
        }
        Ok(status)
    }
}

fn refused(error: &reqwest::Error) -> Refused {
    if error.is_timeout() {
        return Refused::Timeout;
    }
    // The innermost error says what happened; the outer ones repeat the address, which may hold a secret.
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    Refused::Connection(pagemill_core::excerpt(&inner.to_string(), 200))
}

/// An address as it may be asked: `http` or `https`, without a name and password, and not this machine or a private
/// network unless that is allowed. What a host name stands for is looked at again when it is resolved.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn checked_url(text: &str, allow_private: bool) -> Result<Url, Problem> {
    let wrong = |what: &str| Problem::new(ErrorCode::InvalidRequest, what);
    let url = Url::parse(text).map_err(|error| wrong(&format!("the address is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("the address must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the address must not hold a name or password"));
    }
    let Some(host) = url.host_str() else { return Err(wrong("the address has no host")) };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_local_name = bare.trim_end_matches('.').eq_ignore_ascii_case("localhost");
    let is_private = is_local_name || bare.parse::<IpAddr>().is_ok_and(is_private);
    if is_private && !allow_private {
        return Err(wrong(PRIVATE));
    }
    Ok(url)
}

const PRIVATE: &str = "the address is of this machine or a private network; `webhooks = { allow_private = true }` in pagemill.toml allows that";

/// Resolves names, leaving out what must not be reached.
struct Guard {
    allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| allow_private || !is_private(address.ip())).collect();
            if allowed.is_empty() {
                return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, PRIVATE).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is not one of the public internet (IANA's registries of special purposes).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // shared by providers
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && (18..20).contains(&b)) // measurements
        || a >= 224 // multicast, reserved, broadcast
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Addresses that carry one of version 4 are as private as that one.
    let [.., high, low] = segments;
    let carried = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        // ::, ::1 and the old "compatible" form
        [0, 0, 0, 0, 0, 0, _, _] => true,
        // mapped, translated (RFC 2765), NAT64
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            is_private_v4(carried)
        }
        // 6to4: the address stands in the middle
        [0x2002, high, low, ..] => is_private_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        // Only 2000::/3 is given out, without Teredo, documentation, benchmarking and ORCHID.
        [first, second, ..] => {
            (first & 0xe000) != 0x2000
                || (first == 0x2001 && second < 0x0200)
                || (first == 0x2001 && second == 0x0db8)
                || (first == 0x3fff && second < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_spelling_of_a_private_address_is_taken() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.1",
            "127.0.0.1.",
            "1\u{ff12}7.0.0.1",
            "\u{2460}\u{2461}\u{2466}.0.0.1",
            "0.0.0.0",
            "0",
            "10.0.0.1",
            "10.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:a9fe:a9fe]",
            "[::ffff:0:127.0.0.1]",
            "[::127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2002:a00:1::1]",
            "[2001::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[100::1]",
        ] {
            let url = format!("http://{host}:8080/hook");
            assert!(checked_url(&url, false).is_err(), "{url}");
        }
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "http://user@example.com/",
            "http://:secret@example.com/",
            "example.com",
            "//example.com/",
            "http://",
            "http://[::1",
            "javascript:alert(1)",
        ] {
            assert!(checked_url(url, true).is_err(), "{url}");
        }
        for host in ["example.com", "8.8.8.8", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "[64:ff9b::808:808]"] {
            assert!(checked_url(&format!("https://{host}/hook"), false).is_ok(), "{host}");
        }
        assert!(checked_url("http://127.0.0.1:9/", true).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Past the check of spellings, so that only the look at what the name stands for is left.
        let ask = async |allow_private| {
            let outbound = Outbound::new(allow_private, Duration::from_secs(2)).unwrap();
            outbound.client.post(format!("http://localhost:{port}/")).send().await
        };
        let (answer, accepted) =
            tokio::join!(ask(true), tokio::time::timeout(Duration::from_secs(5), listener.accept()));
        assert!(accepted.is_ok(), "the name stands for this machine");
        drop((answer, accepted));
        let refused = ask(false).await.unwrap_err();
        assert!(super::refused(&refused).to_string().contains("private network"), "{refused:?}");
        let reached = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(reached.is_err(), "nothing came");
    }
}
