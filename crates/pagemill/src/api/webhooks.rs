//! Webhooks: making them, looking at them, trying them.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use pagemill_core::WebhookId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Faces,
    extract::{self, Address, Params, list_limit},
    problem::ApiError,
};
use crate::library::views::{DeliveryView, WebhookView};

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateWebhook {
    /// Where deliveries are sent: `https://…`.
    url: String,
    /// Types of events; `document.*` and `*` are patterns. All of them unless told.
    #[serde(default = "all")]
    events: Vec<String>,
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The webhooks there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookList {
    /// In the order they were made.
    items: Vec<WebhookView>,
}

/// Make a webhook.
///
/// The answer holds the `secret`, which is never shown again. Each event is posted as JSON with the headers
/// `webhook-id`, `webhook-timestamp` and `webhook-signature` of Standard Webhooks: `v1,` and the base 64 of the
/// HMAC-SHA256 of `id.timestamp.body`, keyed with what stands behind `whsec_` (base 64). Any answer but 2xx is
/// tried again with growing pauses; 410 ends it.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", request_body = CreateWebhook,
    responses((status = 201, body = WebhookView)))]
pub(super) async fn create_webhook(
    State(faces): State<Faces>,
    extract::Json(new): extract::Json<CreateWebhook>,
) -> Result<Response, ApiError> {
    let webhook = faces.library.create_webhook(&faces.project, &new.url, new.events).await?;
    let location = format!("/api/v1/webhooks/{}", webhook.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(webhook)).into_response())
}

/// List the webhooks.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", responses((status = 200, body = WebhookList)))]
pub(super) async fn list_webhooks(State(faces): State<Faces>) -> Result<Json<WebhookList>, ApiError> {
    Ok(Json(WebhookList { items: faces.library.webhooks(&faces.project).await? }))
}

/// Delete a webhook with its log.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook, `hook_…`")),
    responses((status = 204, description = "It is gone")))]
pub(super) async fn delete_webhook(
    State(faces): State<Faces>,
    Address(id): Address<WebhookId>,
) -> Result<StatusCode, ApiError> {
    faces.library.delete_webhook(&faces.project, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a webhook that was disabled be told again, of everything since that is still kept.
#[utoipa::path(post, path = "/webhooks/{id}/enable", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook, `hook_…`")),
    responses((status = 200, body = WebhookView)))]
pub(super) async fn enable_webhook(
    State(faces): State<Faces>,
    Address(id): Address<WebhookId>,
) -> Result<Json<WebhookView>, ApiError> {
    Ok(Json(faces.library.enable_webhook(&faces.project, &id).await?))
}

/// Send a webhook an event of type `webhook.test`. How it went is in its log.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook, `hook_…`")),
    responses((status = 202, body = DeliveryView)))]
pub(super) async fn test_webhook(
    State(faces): State<Faces>,
    Address(id): Address<WebhookId>,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(faces.library.test_webhook(&faces.project, &id).await?)))
}

/// How much of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListDeliveries {
    /// How many, 1 to 1000; 50 unless told.
    limit: Option<u32>,
}

/// The log of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryList {
    /// Newest first.
    items: Vec<DeliveryView>,
}

/// What a webhook was told, newest first.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "The webhook, `hook_…`"), ListDeliveries),
    responses((status = 200, body = DeliveryList)))]
pub(super) async fn list_deliveries(
    State(faces): State<Faces>,
    Address(id): Address<WebhookId>,
    Params(params): Params<ListDeliveries>,
) -> Result<Json<DeliveryList>, ApiError> {
    let limit = list_limit(params.limit, 50, 1000)?;
    Ok(Json(DeliveryList { items: faces.library.deliveries(&faces.project, &id, limit).await? }))
}
