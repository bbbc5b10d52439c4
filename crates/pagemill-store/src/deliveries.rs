//! Deliveries: one event for one webhook, claimed under a lease and sent outside of any transaction.

use std::time::Duration;

use pagemill_core::{DeliveryId, Event, EventId, ProjectId, WebhookId};

use crate::{
    Answer, Secret, Store,
    dialect::wall_ms,
    failure::Failure,
    sql::{Fields, Tx, Write, args, to_json},
};

/// Deliveries of one webhook on their way at once: a slow one keeps no other waiting.
const IN_FLIGHT: i64 = 4;

/// A delivery in the hands of a sender.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its identifier: the same in each attempt, so that a receiver can tell what it has had.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The fencing token: rises with each claim.
    pub fence: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Where it is sent.
    pub url: String,
    /// What it is signed with.
    pub secret: Secret,
    /// What it tells.
    pub event: Event,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Waiting to be sent, or sent again.
    Waiting,
    /// On its way.
    Sending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Sending, Self::Delivered, Self::Failed];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// An entry of a webhook's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The delivery.
    pub id: DeliveryId,
    /// The event it tells; `None` for a test.
    pub event: Option<EventId>,
    /// The kind of the event.
    pub kind: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempt: u32,
    /// The HTTP status of the last answer.
    pub http_status: Option<u16>,
    /// How long the last attempt took, in milliseconds.
    pub took_ms: Option<i64>,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
    /// When it was queued, milliseconds since 1970.
    pub created_ms: i64,
    /// When it arrived or was given up.
    pub ended_ms: Option<i64>,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// How long it took.
    pub took: Duration,
    /// What was wrong; `None` when it arrived.
    pub error: Option<String>,
    /// What comes of it.
    pub then: Then,
}

/// What comes of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// It arrived.
    Delivered,
    /// It is tried again after a pause.
    Again(Duration),
    /// It is given up. After so many in a row, the webhook is disabled with a reason.
    GiveUp {
        /// How many in a row.
        most: u32,
    },
    /// The receiver wants no more: the webhook is disabled at once.
    Disable,
}

macro_rules! log_columns {
    () => {
        "id, event, kind, state, attempt, http_status, took_ms, error, created_ms, ended_ms"
    };
}

fn log_entry_of(fields: &mut Fields<'_>) -> Result<LogEntry, Failure> {
    Ok(LogEntry {
        id: fields.id()?,
        event: fields.int_or_null()?,
        kind: fields.text()?,
        state: fields.word(DeliveryState::parse)?,
        attempt: fields.count()?,
        http_status: fields.int_or_null()?.and_then(|status| u16::try_from(status).ok()),
        took_ms: fields.int_or_null()?,
        error: fields.text_or_null()?,
        created_ms: fields.int()?,
        ended_ms: fields.int_or_null()?,
    })
}

impl Store {
    /// The log of a webhook, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn deliveries<'a>(
        &'a self,
        project: &'a ProjectId,
        webhook: &'a WebhookId,
        limit: u32,
    ) -> Answer<'a, Vec<LogEntry>> {
        const SQL: &str = concat!(
            "SELECT ",
            log_columns!(),
            " FROM webhook_deliveries WHERE webhook = $1 AND project = $2 ORDER BY id DESC LIMIT 0 + $3"
        );
        self.answer(async move {
            let mut reader = self.reader().await?;
            let rows = reader.conn().rows(SQL, args![webhook, project, limit]).await?;
            rows.iter().map(|row| log_entry_of(&mut row.fields())).collect()
        })
    }

    /// Takes deliveries that are due, for as long as `lease`; those whose sender died are due again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn claim_deliveries(&self, limit: u32, lease: Duration) -> Answer<'_, Vec<Delivery>> {
        Box::pin(async move {
            let sql = "SELECT COUNT(*) FROM webhooks w WHERE w.disabled IS NULL AND EXISTS (SELECT 1 FROM \
                       webhook_deliveries d WHERE d.webhook = w.id AND d.state IN ('waiting', 'sending'))";
            // Asked outside of a transaction first, since most of the time there is nothing to do.
            let open = self.answer(async move { self.reader().await?.conn().number(sql, &[]).await }).await?;
            if open == 0 { Ok(Vec::new()) } else { self.write(ClaimDeliveries { limit, lease }).await }
        })
    }

    /// How long until a delivery can be due, zero if one is; `None` when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn next_delivery(&self) -> Answer<'_, Option<Duration>> {
        const SQL: &str = "SELECT MIN(CASE WHEN d.state = 'waiting' THEN d.run_at ELSE d.lease_until END) \
                           FROM webhooks w JOIN webhook_deliveries d ON d.webhook = w.id \
                           WHERE w.disabled IS NULL AND d.state IN ('waiting', 'sending')";
        self.answer(async move {
            let mut reader = self.reader().await?;
            let mut conn = reader.conn();
            let row = conn.row(SQL, &[]).await?;
            let Some(at) = row.map(|row| row.fields().int_or_null()).transpose()?.flatten() else { return Ok(None) };
            let now = self.clock().now(&mut conn).await?;
            Ok(Some(Duration::from_millis(u64::try_from(at - now).unwrap_or(0))))
        })
    }

    /// Writes down how an attempt went, and what comes of it. A sender whose lease was lost changes nothing and gets
    /// `false`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn settle_delivery<'a>(&'a self, delivery: &'a Delivery, attempt: &'a DeliveryAttempt) -> Answer<'a, bool> {
        self.write(SettleDelivery {
            id: delivery.id.clone(),
            webhook: delivery.webhook.clone(),
            fence: delivery.fence,
            attempt: attempt.clone(),
        })
    }
}

/// Queues a delivery. One of the same event to the same webhook is left as it is.
pub(crate) async fn insert(tx: &mut Tx<'_>, webhook: &WebhookId, event: &Event) -> Result<LogEntry, Failure> {
    let entry = LogEntry {
        id: DeliveryId::new(),
        event: (event.id > 0).then_some(event.id),
        kind: event.kind.clone(),
        state: DeliveryState::Waiting,
        attempt: 0,
        http_status: None,
        took_ms: None,
        error: None,
        created_ms: wall_ms(),
        ended_ms: None,
    };
    tx.execute(
        "INSERT INTO webhook_deliveries (id, webhook, project, event, at_ms, task, document, kind, data, state, \
         attempt, fence, run_at, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', 0, 0, 0, $10) \
         ON CONFLICT (webhook, event) DO NOTHING",
        args![
            &entry.id,
            webhook,
            &event.project,
            entry.event,
            event.at_ms,
            event.task.as_ref().map(ToString::to_string),
            event.document.as_ref().map(ToString::to_string),
            &event.kind,
            to_json(&event.data)?,
            entry.created_ms,
        ],
    )
    .await?;
    tx.wake();
    Ok(entry)
}

/// Makes what dead senders held due again: at the start of a process that is alone, and after a boot, when the clock
/// of leases begins anew.
pub(crate) async fn forget_leases(tx: &mut Tx<'_>) -> Result<(), Failure> {
    let sql = "UPDATE webhook_deliveries SET state = 'waiting', run_at = 0, lease_until = NULL \
               WHERE state IN ('waiting', 'sending')";
    tx.execute(sql, &[]).await.map(drop)
}

struct ClaimDeliveries {
    limit: u32,
    lease: Duration,
}

impl Write for ClaimDeliveries {
    type Output = Vec<Delivery>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Delivery>, Failure> {
        let now = tx.now().await?;
        let until = now.saturating_add(i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX));
        let webhooks = tx
            .rows(
                "SELECT w.id, w.url, s.secret, (SELECT COUNT(*) FROM webhook_deliveries d WHERE d.webhook = w.id \
                 AND d.state = 'sending' AND d.lease_until > $1) \
                 FROM webhooks w JOIN webhook_secrets s ON s.webhook = w.id WHERE w.disabled IS NULL ORDER BY w.id",
                args![now],
            )
            .await?;
        let mut claimed = Vec::new();
        for row in webhooks {
            let mut fields = row.fields();
            let (webhook, url): (WebhookId, String) = (fields.id()?, fields.text()?);
            let (secret, in_flight) = (Secret(fields.text()?), fields.int()?);
            let room = (IN_FLIGHT - in_flight).min(i64::from(self.limit) - claimed.len() as i64);
            if room <= 0 {
                continue;
            }
            let sql = tx.dialect().skip_locked(
                "SELECT id, fence, attempt, COALESCE(event, 0), at_ms, project, task, document, kind, data \
                 FROM webhook_deliveries WHERE webhook = $1 AND ((state = 'waiting' AND run_at <= $2) \
                 OR (state = 'sending' AND lease_until <= $2)) ORDER BY id LIMIT 0 + $3",
            );
            for row in tx.rows(sql, args![&webhook, now, room]).await? {
                let mut fields = row.fields();
                let delivery = Delivery {
                    id: fields.id()?,
                    webhook: webhook.clone(),
                    fence: fields.int()? + 1,
                    attempt: fields.count::<u32>()? + 1,
                    url: url.clone(),
                    secret: secret.clone(),
                    event: Event {
                        id: fields.int()?,
                        at_ms: fields.int()?,
                        project: fields.id()?,
                        task: fields.id_or_null()?,
                        document: fields.id_or_null()?,
                        kind: fields.text()?,
                        data: fields.json()?,
                    },
                };
                tx.execute(
                    "UPDATE webhook_deliveries SET state = 'sending', fence = $2, attempt = $3, lease_until = $4 \
                     WHERE id = $1",
                    args![&delivery.id, delivery.fence, delivery.attempt, until],
                )
                .await?;
                claimed.push(delivery);
            }
        }
        Ok(claimed)
    }
}

struct SettleDelivery {
    id: DeliveryId,
    webhook: WebhookId,
    fence: i64,
    attempt: DeliveryAttempt,
}

impl Write for SettleDelivery {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Failure> {
        let attempt = &self.attempt;
        let (state, pause) = match &attempt.then {
            Then::Delivered => (DeliveryState::Delivered, None),
            Then::Again(pause) => (DeliveryState::Waiting, Some(*pause)),
            Then::GiveUp { .. } | Then::Disable => (DeliveryState::Failed, None),
        };
        let pause = i64::try_from(pause.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
        let run_at = tx.now().await?.saturating_add(pause);
        let ended = (state != DeliveryState::Waiting).then(wall_ms);
        let held = tx
            .execute(
                "UPDATE webhook_deliveries SET state = $3, run_at = $4, lease_until = NULL, http_status = $5, \
                 took_ms = $6, error = $7, ended_ms = $8 WHERE id = $1 AND fence = $2 AND state = 'sending'",
                args![
                    &self.id,
                    self.fence,
                    state.as_str(),
                    run_at,
                    attempt.http_status.map(i64::from),
                    i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX),
                    attempt.error.clone(),
                    ended,
                ],
            )
            .await?;
        if held == 0 {
            return Ok(false);
        }
        // A place of the webhook is free again.
        tx.wake();
        let last = attempt.error.as_deref().unwrap_or("no reason was given");
        match attempt.then {
            Then::Again(_) => {}
            Then::Delivered => {
                tx.execute("UPDATE webhooks SET failures = 0 WHERE id = $1 AND failures > 0", args![&self.webhook])
                    .await?;
            }
            Then::GiveUp { most } => {
                let reason = format!("{most} deliveries in a row could not be made; the last: {last}");
                tx.execute(
                    "UPDATE webhooks SET failures = failures + 1, disabled = CASE WHEN failures + 1 >= $2 THEN $3 \
                     ELSE disabled END WHERE id = $1",
                    args![&self.webhook, most, reason],
                )
                .await?;
            }
            Then::Disable => {
                let reason = format!("the receiver wants no more: {last}");
                tx.execute("UPDATE webhooks SET disabled = $2 WHERE id = $1", args![&self.webhook, reason]).await?;
            }
        }
        Ok(true)
    }
}
