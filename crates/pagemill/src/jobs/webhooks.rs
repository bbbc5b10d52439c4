//! Telling webhooks of events: signed, tried again with growing pauses, never to places they must not reach.
//!
//! Signatures follow Standard Webhooks (<https://www.standardwebhooks.com>): HMAC-SHA256 over
//! `id.timestamp.body`, so that a receiver can tell who sent it, that nothing was changed, and that it is no replay.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use pagemill_core::{DeliveryId, Problem};
use pagemill_store::{Delivery, DeliveryAttempt, Store, Then};
use reqwest::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use sha2::Sha256;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    config::WebhookSettings,
    library::{
        Library,
        outbound::{Outbound, Refused},
        views::EventView,
    },
};

/// Deliveries of this process on their way at once.
const AT_ONCE: usize = 16;
/// How long a claim holds beyond the time an answer may take.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// How often to look without being woken.
const POLL: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Tells webhooks of events until told to stop.
pub(super) async fn run(library: Arc<Library>, mut stop: watch::Receiver<bool>) {
    let store = library.store().clone();
    let settings = library.settings().webhooks;
    let outbound = match Outbound::new(settings.allow_private, Duration::from_secs(settings.timeout_seconds)) {
        Ok(outbound) => Arc::new(outbound),
        Err(problem) => {
            tracing::error!(code = %problem.code, "webhooks are told nothing: {problem}");
            return;
        }
    };
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut wake = store.subscribe();
    let mut sending = JoinSet::new();
    while !*stop.borrow() {
        while sending.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&free).acquire_owned().await else { break };
        drop(place);
        wake.mark_unchanged();
        let claimed = match next(&store, &free, settings).await {
            Ok(claimed) => claimed,
            Err(problem) => {
                tracing::warn!(code = %problem.code, "webhooks wait: {problem}");
                Vec::new()
            }
        };
        if claimed.is_empty() {
            let due = store.next_delivery().await.ok().flatten();
            let wait = due.map_or(POLL, |due| due.clamp(Duration::from_millis(20), POLL));
            tokio::select! {
                _ = wake.changed() => {}
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
            continue;
        }
        for delivery in claimed {
            let Ok(place) = Arc::clone(&free).acquire_owned().await else { break };
            let (store, outbound) = (store.clone(), Arc::clone(&outbound));
            sending.spawn(async move {
                deliver(&store, &outbound, &delivery, settings).await;
                drop(place);
            });
        }
    }
    // What is on its way may end; what is cut off is sent again, under the same id.
    while sending.join_next().await.is_some() {}
}

async fn next(store: &Store, free: &Semaphore, settings: WebhookSettings) -> Result<Vec<Delivery>, Problem> {
    store.queue_deliveries().await?;
    let lease = Duration::from_secs(settings.timeout_seconds) + LEASE_MARGIN;
    store.claim_deliveries(free.available_permits() as u32, lease).await
}

async fn deliver(store: &Store, outbound: &Outbound, delivery: &Delivery, settings: WebhookSettings) {
    let begun = Instant::now();
    let sent = send(outbound, delivery).await;
    let attempt = judge(sent, delivery.attempt, begun.elapsed(), settings, chance());
    if let Err(problem) = store.settle_delivery(delivery, &attempt).await {
        // The lease ends by itself, and it is sent again.
        tracing::warn!(code = %problem.code, "cannot write how a delivery ended: {problem}");
    }
}

/// Sends a delivery; gives the status of the answer.
async fn send(outbound: &Outbound, delivery: &Delivery) -> Result<u16, Refused> {
    // The shape has text keys and finite numbers; writing it cannot fail.
    let body = serde_json::to_vec(&EventView::from(&delivery.event)).unwrap_or_default();
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let signature = signature(&delivery.secret.0, &delivery.id, timestamp, &body);
    let header =
        |text: String| HeaderValue::from_str(&text).map_err(|_odd| Refused::Address("an odd header".to_owned()));
    let headers = [
        (CONTENT_TYPE.as_str(), HeaderValue::from_static("application/json")),
        (USER_AGENT.as_str(), HeaderValue::from_static(concat!("Pagemill/", env!("CARGO_PKG_VERSION")))),
        ("webhook-id", header(delivery.id.to_string())?),
        ("webhook-timestamp", header(timestamp.to_string())?),
        ("webhook-signature", header(signature)?),
    ];
    outbound.post(&delivery.url, headers, body).await
}

/// `v1,` and the signature of a delivery in base 64. The key is what stands behind `whsec_`, in base 64.
fn signature(secret: &str, id: &DeliveryId, timestamp: u64, body: &[u8]) -> String {
    let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD.decode(bare).unwrap_or_else(|_plain| bare.as_bytes().to_vec());
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What comes of an attempt.
fn judge(
    sent: Result<u16, Refused>,
    attempt: u32,
    took: Duration,
    settings: WebhookSettings,
    chance: f64,
) -> DeliveryAttempt {
    let again = if attempt < settings.attempts {
        Then::Again(pause(attempt, Duration::from_millis(settings.first_pause_ms), chance))
    } else {
        Then::GiveUp { most: settings.failures }
    };
    let (http_status, error, then) = match sent {
        Ok(status @ 200..=299) => (Some(status), None, Then::Delivered),
        Ok(410) => (Some(410), Some("the receiver answered 410 Gone".to_owned()), Then::Disable),
        Ok(status @ 300..=399) => {
            let error =
                format!("the receiver answered {status}; redirects are not followed, give the address it names");
            (Some(status), Some(error), again)
        }
        Ok(status) => (Some(status), Some(format!("the receiver answered {status}")), again),
        Err(refused) => (None, Some(refused.to_string()), again),
    };
    DeliveryAttempt { http_status, took, error, then }
}

/// Full jitter: anything up to a bound that doubles with each attempt (from 1).
fn pause(attempt: u32, first: Duration, chance: f64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(LONGEST_PAUSE).mul_f64(chance.clamp(0.0, 1.0))
}

/// Evenly spread over 0 to 1.
fn chance() -> f64 {
    // Without chance, the longest pause.
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_signature_is_what_the_standard_says() {
        // The example of the specification's reference libraries.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())), known);
        let id = DeliveryId::new();
        let signed = signature(secret, &id, 7, b"{}");
        assert!(signed.starts_with("v1,"));
        assert_ne!(signed, signature(secret, &id, 8, b"{}"));
        assert_ne!(signed, signature(secret, &id, 7, b"[]"));
        assert_ne!(signed, signature("whsec_AAAA", &id, 7, b"{}"));
        assert_ne!(signed, signature(secret, &DeliveryId::new(), 7, b"{}"));
    }

    #[test]
    fn what_fails_is_tried_again_for_a_while() {
        let settings = WebhookSettings { attempts: 3, failures: 5, ..WebhookSettings::default() };
        let then = |sent, attempt| judge(sent, attempt, Duration::ZERO, settings, 1.0).then;
        assert_eq!(then(Ok(204), 1), Then::Delivered);
        assert_eq!(then(Ok(500), 1), Then::Again(Duration::from_secs(5)));
        assert_eq!(then(Ok(302), 2), Then::Again(Duration::from_secs(10)));
        assert_eq!(then(Err(Refused::Timeout), 3), Then::GiveUp { most: 5 });
        assert_eq!(then(Ok(410), 1), Then::Disable);
        assert_eq!(pause(60, Duration::from_secs(5), 1.0), LONGEST_PAUSE);
        assert_eq!(pause(3, Duration::from_secs(5), 0.0), Duration::ZERO);
    }
}
